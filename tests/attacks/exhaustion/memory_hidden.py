"""Fills memory, makes it read-only so that no limit counts it any more, and fills the next."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    piece = 16 << 20
    for _ in range(0, params["mib"], 16):
        address = libc.mmap(None, piece, 3, 0x22, -1, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            return False
        ctypes.memset(address, 1, piece)
        libc.mprotect(ctypes.c_void_p(address), piece, 1)
    return True
