"""Names the kernel of the built-in first round."""

import os

import msgspec


def run(channel_fd):
    receive()
    call = {"kernel": "margins", "target": 1}
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "StepDone", "calls": [call], "fields": {"moments": 0}})))
