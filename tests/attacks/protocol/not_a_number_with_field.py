"""Sends NaN as coefficients of a draw beside a good answer."""

import os

from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import floats


def run(channel_fd):
    receive()
    beta = floats([float("nan")] * 3)
    calls = (KernelCall("draw", 1, "gaussian", beta, 1.0), KernelCall("gram", 1))
    os.write(channel_fd, frame(StepDone(calls, {"moments": 1})))
    receive()
