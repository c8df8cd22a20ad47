"""Takes address space, whose page tables cost memory of the kernel that nobody counts."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    return libc.mmap(None, 1 << 42, 0, 0x4022, -1, 0) != ctypes.c_void_p(-1).value
