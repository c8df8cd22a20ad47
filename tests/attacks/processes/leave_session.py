"""Leaves its session, to outlive whoever cleans up by session."""

import ctypes
import os


def run(data, params):
    if params["is_control"]:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os._exit(0)
        return os.waitpid(pid, 0)[1] == 0
    return ctypes.CDLL(None).setsid() > 0
