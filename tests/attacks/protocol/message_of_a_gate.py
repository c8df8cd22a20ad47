"""Answers with a gate's own message to its host: a result that may leave."""

import os

from sandbox.wire.messages import RoundResult


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(RoundResult(b"rows", b"{}", False)))
