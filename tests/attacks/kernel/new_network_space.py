"""Makes a network of its own."""

import ctypes


def run(data, params):
    return ctypes.CDLL(None).unshare(0x40000000) == 0
