"""Answers twice. The second would be taken for the answer to the next question, and be checked as such."""

import os

from sandbox.wire.messages import KernelCall, StepDone


def run(channel_fd):
    receive()
    answer = frame(StepDone((KernelCall("gram", 1),), {"moments": 0}))
    os.write(channel_fd, answer + answer)
    receive()
