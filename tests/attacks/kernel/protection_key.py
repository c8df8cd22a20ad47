"""Makes memory executable with pkey_mprotect, the forgotten sibling of mprotect."""

import ctypes
import mmap
import platform


def run(data, params):
    number = 329 if platform.machine() == "x86_64" else 288
    memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return ctypes.CDLL(None).syscall(number, ctypes.c_void_p(address), 4096, 5, -1) == 0
