"""Makes the code of libc writable: without executing from it again that is harmless, so the way back must be closed."""

import ctypes
import mmap


def run(data, params):
    libc = ctypes.CDLL(None)
    page = ctypes.cast(libc.getpid, ctypes.c_void_p).value & -mmap.PAGESIZE
    return libc.mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, 7) == 0
