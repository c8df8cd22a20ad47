"""Tells something in the number of a line; the line stays in the ledger of the site, only a code leaves."""

import os

from sandbox.wire.messages import StepFailed


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(StepFailed(line=637121)))
    receive()
