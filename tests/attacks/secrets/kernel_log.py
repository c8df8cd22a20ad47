"""Asks the kernel for its log, which holds addresses."""

import ctypes
import platform


def run(data, params):
    number = 103 if platform.machine() == "x86_64" else 116
    return ctypes.CDLL(None).syscall(number, 10, None, 0) > 0
