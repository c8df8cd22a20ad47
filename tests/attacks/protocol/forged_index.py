"""Fills a field with a kernel that it did not name."""

import os

from sandbox.wire.messages import KernelCall, StepDone


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(StepDone((KernelCall("gram", 1),), {"moments": 99})))
    receive()
