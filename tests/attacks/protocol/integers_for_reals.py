"""Sends integers where reals belong: read as reals they are other numbers."""

import os

from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import Array


def run(channel_fd):
    receive()
    beta = Array("<i8", (3,), b"12345678" * 3)
    os.write(channel_fd, frame(StepDone((KernelCall("draw", 1, "gaussian", beta, 1.0),), {})))
    receive()
