"""Takes capabilities (capset)."""

import ctypes
import platform
import struct


def run(data, params):
    number = 126 if platform.machine() == "x86_64" else 91
    header = ctypes.create_string_buffer(struct.pack("<II", 0x20080522, 0))
    wanted = ctypes.create_string_buffer(struct.pack("<6I", 1, 1, 0, 0, 0, 0))
    return ctypes.CDLL(None).syscall(number, header, wanted) == 0
