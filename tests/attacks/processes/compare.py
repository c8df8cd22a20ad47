"""Compares descriptors of two processes (kcmp): which of them share a file."""

import ctypes
import os
import platform


def run(data, params):
    number = 312 if platform.machine() == "x86_64" else 272
    return ctypes.CDLL(None).syscall(number, os.getpid(), os.getpid(), 0, 0, 0) == 0
