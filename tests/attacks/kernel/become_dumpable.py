"""Makes its memory readable for others of its user (PR_SET_DUMPABLE)."""

import ctypes


def run(data, params):
    return ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0
