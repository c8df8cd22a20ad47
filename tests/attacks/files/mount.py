"""Mounts a file system of its own over a folder, in a name space of its own."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    if libc.unshare(0x00020000) != 0:
        return None
    libc.mount(b"none", b"/", None, 0x44000, None)
    return libc.mount(b"none", params["folder"].encode(), b"tmpfs", 0, None) == 0
