"""Takes its limits back (prlimit64)."""

import ctypes
import platform
import struct


def run(data, params):
    number = 302 if platform.machine() == "x86_64" else 261
    files = 1024 if params["is_control"] else 1 << 16
    wanted = ctypes.create_string_buffer(struct.pack("<QQ", min(files, 64), files) if not params["is_control"] else b"", 16)
    if params["is_control"]:
        return ctypes.CDLL(None).syscall(number, 0, 7, None, wanted) == 0
    return ctypes.CDLL(None).syscall(number, 0, 7, wanted, None) == 0
