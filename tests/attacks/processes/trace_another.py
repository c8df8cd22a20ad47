"""Attaches to another process of its user with ptrace."""

import ctypes
import os
import platform
import signal


def run(data, params):
    libc = ctypes.CDLL(None, use_errno=True)
    victim = params["victim"]
    if params["is_control"]:
        # A child of its own: the kernel may be set to allow no other.
        victim = os.fork()
        if victim == 0:
            signal.pause()
    number = 101 if platform.machine() == "x86_64" else 117
    result = libc.syscall(number, 16, victim, None, None)
    code = ctypes.get_errno()
    if params["is_control"]:
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
    if result != 0:
        raise OSError(code, "ptrace")
    return True
