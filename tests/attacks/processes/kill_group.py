"""Stops everything in its group: its siblings, were they in it."""

import ctypes


def run(data, params):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.kill(0, 0) != 0:
        raise OSError(ctypes.get_errno(), "kill")
    return True
