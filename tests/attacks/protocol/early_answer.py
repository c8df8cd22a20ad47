"""Answers before it is asked. An answer is only a list of kernels, checked like any other, so nothing is gained."""

import os

from sandbox.wire.messages import KernelCall, StepDone


def run(channel_fd):
    os.write(channel_fd, frame(StepDone((KernelCall("gram", 1),), {"moments": 0})))
    receive()
    receive()
