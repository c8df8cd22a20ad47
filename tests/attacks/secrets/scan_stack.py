"""Scans its stack natively for the environment that was given at exec, which clearing os.environ leaves there."""

import ctypes
import mmap
import platform

PAGE = mmap.PAGESIZE
MASKING = bytes(byte ^ 0x5A for byte in range(256))
READS_A_SET = 14 if platform.machine() == "x86_64" else 135


def run(data, params):
    libc = ctypes.CDLL(None, use_errno=True)
    needle = bytes.fromhex(params["needle"])
    start = ctypes.c_void_p.in_dll(libc, "__libc_stack_end").value
    page = start & -PAGE
    text = b""
    # Strings of environment and arguments are above the first frame, up to the end of the stack.
    while len(text) < 4 << 20 and readable(libc, page):
        text += ctypes.string_at(page, PAGE).translate(MASKING)
        page += PAGE
    return needle in text


def readable(libc, address):
    ctypes.set_errno(0)
    # An invalid `how` makes the kernel read the set first: it tells whether a page can be read, and changes nothing.
    libc.syscall(READS_A_SET, 99, ctypes.c_void_p(address), None, 8)
    return ctypes.get_errno() != 14
