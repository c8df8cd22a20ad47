"""Opens the canary with openat2, which is younger than most lists of calls."""

import ctypes


def run(data, params):
    how = ctypes.create_string_buffer(24)
    descriptor = ctypes.CDLL(None).syscall(437, -100, params["canary"].encode(), how, 24)
    return descriptor >= 0
