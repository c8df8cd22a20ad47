"""Turns every readable page into an executable one (personality READ_IMPLIES_EXEC)."""

import ctypes


def run(data, params):
    return ctypes.CDLL(None).personality(0x0400000) >= 0
