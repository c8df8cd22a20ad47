"""Asks for the filter's own call (seccomp), to add one that hands calls to another process."""

import ctypes
import platform


def run(data, params):
    number = 317 if platform.machine() == "x86_64" else 277
    action = ctypes.c_uint32(0x7FFF0000)
    return ctypes.CDLL(None).syscall(number, 2, 0, ctypes.byref(action)) == 0
