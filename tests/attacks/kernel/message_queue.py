"""Leaves a message in a queue of the kernel (mq_open) for another process."""

import ctypes
import platform


def run(data, params):
    x86 = platform.machine() == "x86_64"
    libc = ctypes.CDLL(None)
    made = libc.syscall(240 if x86 else 180, b"tidegate-attack", 0o102, 0o600, None) >= 0
    if made:
        libc.syscall(241 if x86 else 181, b"tidegate-attack")
    return made
