"""Names a kernel that is not there: all rows."""

import os

import msgspec


def run(channel_fd):
    receive()
    call = {"kernel": "rows", "target": 1}
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "StepDone", "calls": [call], "fields": {"moments": 0}})))
