"""Handles its own page faults (userfaultfd), to win races in the kernel."""

import ctypes
import platform


def run(data, params):
    return ctypes.CDLL(None).syscall(323 if platform.machine() == "x86_64" else 282, 1) >= 0
