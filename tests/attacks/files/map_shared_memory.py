"""Makes shared memory, which another process could read and no limit on data counts."""

import mmap


def run(data, params):
    mmap.mmap(-1, 1 << 20, mmap.MAP_SHARED)
    return True
