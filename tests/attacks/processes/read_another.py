"""Reads the memory of another process of its user (process_vm_readv)."""

import ctypes
import os
import platform
import signal


def run(data, params):
    libc = ctypes.CDLL(None, use_errno=True)
    number = 310 if platform.machine() == "x86_64" else 270
    secret = ctypes.create_string_buffer(b"a secret of the parent")
    buffer = ctypes.create_string_buffer(64)
    victim = os.fork() if params["is_control"] else params["victim"]
    if victim == 0:
        signal.pause()
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 22)
    remote = (ctypes.c_void_p * 2)(ctypes.addressof(secret), 22)
    result = libc.syscall(number, victim, local, 1, remote, 1, ctypes.c_long(0))
    if params["is_control"]:
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
    return result > 0
