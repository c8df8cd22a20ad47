"""Looks into os.environ and getenv for what the host was started with."""

import ctypes
import os


def run(data, params):
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    return os.environ.get(params["variable"]) or libc.getenv(params["variable"].encode())
