"""Answers with a field more than the message has."""

import os

import msgspec


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "StepDone", "calls": [], "fields": {}, "rows": [1.0]})))
