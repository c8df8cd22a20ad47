"""Fills two fields with one kernel, and a field nobody declared with it."""

import os

from sandbox.wire.messages import KernelCall, StepDone


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(StepDone((KernelCall("gram", 1),), {"moments": 0, "again": 0})))
    receive()
