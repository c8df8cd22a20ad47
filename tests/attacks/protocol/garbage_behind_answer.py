"""Sends garbage behind a good answer, for a reader that reads on."""

import os

from sandbox.wire.messages import KernelCall, StepDone


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(StepDone((KernelCall("gram", 1),), {"moments": 0})) + b"\xff" * 5000)
    receive()
