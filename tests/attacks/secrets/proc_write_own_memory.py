"""Writes its own code through /proc/self/mem, which ignores the protection of pages."""

import ctypes


def run(data, params):
    address = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        first = memory.read(1)
        memory.seek(address)
        return memory.write(first)
