"""Reads the canary through libc's open and read, past everything Python could guard."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    descriptor = libc.open(params["canary"].encode(), 0)
    if descriptor < 0:
        return None
    buffer = ctypes.create_string_buffer(64)
    libc.read(descriptor, buffer, 64)
    return buffer.value
