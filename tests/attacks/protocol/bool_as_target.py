"""Names column True."""

import os

import msgspec


def run(channel_fd):
    receive()
    call = {"kernel": "gram", "target": True}
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "StepDone", "calls": [call], "fields": {"moments": 0}})))
