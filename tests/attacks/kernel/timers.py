"""Makes a timer that sends signals (timer_create)."""

import ctypes
import platform


def run(data, params):
    number = 222 if platform.machine() == "x86_64" else 107
    timer = ctypes.c_int()
    return ctypes.CDLL(None).syscall(number, 1, None, ctypes.byref(timer)) == 0
