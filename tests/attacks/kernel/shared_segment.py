"""Makes a segment of System V memory, which outlives it."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1600)
    if segment >= 0:
        libc.shmctl(segment, 0, None)
    return segment >= 0
