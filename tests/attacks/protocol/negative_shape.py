"""Sends an array with two negative extents, whose product is right."""

import os

import msgspec


def run(channel_fd):
    receive()
    beta = {"type": "array", "dtype": "<f8", "shape": [-1, -3], "data": b"12345678" * 3}
    call = {"kernel": "draw", "target": 1, "family": "gaussian", "beta": beta, "sigma": 1.0}
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "StepDone", "calls": [call], "fields": {}})))
