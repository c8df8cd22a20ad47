"""Maps memory that is writable and executable, for machine code of its own."""

import mmap


def run(data, params):
    mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return True
