"""Reads the canary through open(2), the call that openat replaced and that lists of calls forget."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    descriptor = libc.syscall(2, params["canary"].encode(), 0)
    if descriptor < 0:
        return None
    buffer = ctypes.create_string_buffer(64)
    libc.syscall(0, descriptor, buffer, 64)
    return buffer.value
