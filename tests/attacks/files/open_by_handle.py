"""Asks for a file handle of the canary (name_to_handle_at), the first half of leaving a chroot."""

import ctypes
import platform


def run(data, params):
    number = 303 if platform.machine() == "x86_64" else 264
    handle = ctypes.create_string_buffer(136)
    handle[0:4] = (128).to_bytes(4, "little")
    mount = ctypes.c_int()
    return ctypes.CDLL(None).syscall(number, -100, params["canary"].encode(), handle, ctypes.byref(mount), 0) == 0
