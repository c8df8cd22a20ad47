"""Learns how busy the machine is, a clock for side channels (sysinfo)."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(256)
    if libc.sysinfo(buffer) != 0:
        raise OSError(ctypes.get_errno(), "sysinfo")
    return True
