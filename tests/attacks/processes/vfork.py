"""Starts a process with clone(CLONE_VM | CLONE_VFORK), past fork of Python and its handlers."""

import ctypes
import os
import platform


def run(data, params):
    libc = ctypes.CDLL(None)
    number = 56 if platform.machine() == "x86_64" else 220
    pid = libc.syscall(number, 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
        return True
    return False
