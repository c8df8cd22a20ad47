"""Looks for descriptors that came along by inheritance, and reads what they are open on."""

import ctypes
import os


def run(data, params):
    if params["is_control"]:
        os.open(params["canary"], os.O_RDONLY)
    libc = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(64)
    for descriptor in [0, 1, 2, *range(4, 1024)]:
        if libc.read(descriptor, buffer, 64) > 0:
            return buffer.value
    return None
