"""Takes memory with malloc, past the interpreter."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for _ in range(params["mib"]):
        piece = libc.malloc(1 << 20)
        if not piece:
            return False
        ctypes.memset(piece, 1, 1 << 20)
    return True
