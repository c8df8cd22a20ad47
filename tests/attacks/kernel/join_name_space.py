"""Joins the name space of another process (setns)."""

import ctypes
import os


def run(data, params):
    libc = ctypes.CDLL(None)
    if params["is_control"]:
        return libc.setns(os.open("/proc/self/ns/uts", os.O_RDONLY), 0) == 0
    return libc.setns(3, 0) == 0
