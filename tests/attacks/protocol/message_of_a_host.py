"""Answers with a host's order to its gate."""

import os

from sandbox.wire.messages import SendResult


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(SendResult({})))
