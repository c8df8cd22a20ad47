"""Reads address 0."""

import ctypes
import os


def run(data, params):
    if params["is_control"]:
        pid = os.fork()
        if pid:
            return os.waitpid(pid, 0)[1] & 0x7F == 11
    return ctypes.string_at(0)
