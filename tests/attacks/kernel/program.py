"""Makes a map for programs in the kernel (bpf)."""

import ctypes
import platform
import struct


def run(data, params):
    attributes = ctypes.create_string_buffer(struct.pack("<5I", 2, 4, 4, 1, 0), 120)
    return ctypes.CDLL(None).syscall(321 if platform.machine() == "x86_64" else 280, 0, attributes, 120) >= 0
