"""Starts a process with clone3, whose arguments no filter can see."""

import ctypes
import os
import struct


def run(data, params):
    libc = ctypes.CDLL(None)
    arguments = ctypes.create_string_buffer(struct.pack("<8Q", 0, 0, 0, 0, 17, 0, 0, 0), 64)
    pid = libc.syscall(435, arguments, 64)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
        return True
    return False
