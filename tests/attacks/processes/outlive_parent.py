"""Asks not to die with its parent (PR_SET_PDEATHSIG 0)."""

import ctypes


def run(data, params):
    return ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0
