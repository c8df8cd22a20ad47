"""Keeps a key in the kernel, where another process of its user finds it (add_key)."""

import ctypes
import platform


def run(data, params):
    number = 248 if platform.machine() == "x86_64" else 217
    return ctypes.CDLL(None).syscall(number, b"user", b"tidegate-attack", b"row", 3, -2) > 0
