"""Takes memory that grows downwards like a stack, which no limit on data counts."""

import mmap


def run(data, params):
    mmap.mmap(-1, params["mib"] << 20, mmap.MAP_PRIVATE | 0x100)
    return True
