"""A gate that fails with a code of its own making, to pass a text where only codes may pass."""

import os

import msgspec


def run(channel_fd):
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "GateFailed", "code": "row 7: 63.7, 121, yes"})))
    while True:
        receive()
