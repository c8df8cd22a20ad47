"""Maps memory that may not be written, which no limit on data counts, then makes it writable and fills it."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    address = libc.mmap(None, params["mib"] << 20, 1, 0x22, -1, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        return False
    if libc.mprotect(ctypes.c_void_p(address), params["mib"] << 20, 3) != 0:
        return False
    ctypes.memset(address, 1, params["mib"] << 20)
    return True
