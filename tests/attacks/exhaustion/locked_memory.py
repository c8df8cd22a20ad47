"""Locks memory, so that others are swapped out."""

import ctypes


def run(data, params):
    buffer = ctypes.create_string_buffer(1 << 16)
    return ctypes.CDLL(None).mlock(buffer, 1 << 16) == 0
