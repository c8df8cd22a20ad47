"""Writes segment descriptors (modify_ldt), code that few look at."""

import ctypes


def run(data, params):
    return ctypes.CDLL(None).syscall(154, 0, ctypes.create_string_buffer(64), 64) >= 0
