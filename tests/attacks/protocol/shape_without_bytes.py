"""Sends an array whose shape is larger than its bytes, for a reader that allocates by shape or reads past the end."""

import os

import msgspec


def run(channel_fd):
    receive()
    beta = {"type": "array", "dtype": "<f8", "shape": [60000, 60000], "data": b"12345678"}
    call = {"kernel": "draw", "target": 1, "family": "gaussian", "beta": beta, "sigma": 1.0}
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "StepDone", "calls": [call], "fields": {}})))
