"""Becomes root of a user name space of its own (unshare), the usual first step of attacks on the kernel."""

import ctypes


def run(data, params):
    return ctypes.CDLL(None).unshare(0x10000000) == 0
