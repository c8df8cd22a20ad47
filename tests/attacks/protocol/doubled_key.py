"""Says the same field twice, hoping that one reader checks the first and another uses the last."""

import os

import msgspec


def run(channel_fd):
    receive()
    call = msgspec.msgpack.encode({"kernel": "gram", "target": 1})
    other = msgspec.msgpack.encode({"kernel": "gram", "target": 2})
    fields = msgspec.msgpack.encode({"moments": 0})
    body = b"\x84\xa4type\xa8StepDone\xa5calls\x91" + call + b"\xa5calls\x91" + other + b"\xa6fields" + fields
    os.write(channel_fd, frame(body))
    receive()
