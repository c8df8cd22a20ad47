"""Reads counters of the processor (perf_event_open), a clock for side channels."""

import ctypes
import platform
import struct


def run(data, params):
    attributes = ctypes.create_string_buffer(struct.pack("<IIQ", 1, 128, 1), 128)
    number = 298 if platform.machine() == "x86_64" else 241
    return ctypes.CDLL(None).syscall(number, attributes, 0, -1, -1, 0) >= 0
