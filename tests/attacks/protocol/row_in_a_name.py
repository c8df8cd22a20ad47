"""Tells something in the name of a field."""

import os

from sandbox.wire.messages import KernelCall, StepDone


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(StepDone((KernelCall("gram", 1),), {"63.7, 121, yes": 0})))
    receive()
