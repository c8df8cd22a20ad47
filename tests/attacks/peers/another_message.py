"""A gate that answers an upload with a result nobody asked for."""

import os

from sandbox.wire.messages import RoundResult


def run(channel_fd):
    os.write(channel_fd, frame(RoundResult(b"", b"{}", False)))
    while True:
        receive()
