"""Writes machine code into memory, then makes it executable."""

import ctypes
import mmap


def run(data, params):
    memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
    memory.write(b"\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), 4096, 5) == 0
