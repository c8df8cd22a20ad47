"""Signals with a value attached (rt_sigqueueinfo), which lists of calls forget."""

import ctypes
import platform


def run(data, params):
    number = 129 if platform.machine() == "x86_64" else 138
    info = ctypes.create_string_buffer(128)
    info[8:12] = (0xFFFFFFFF).to_bytes(4, "little")
    return ctypes.CDLL(None).syscall(number, params["victim"], 0, info) == 0
