"""Imports a part of NumPy that loads libraries."""

import numpy.ctypeslib as door  # refused


def ask(rows, target):
    return door.ctypes.CDLL(None).socket(2, 1, 0) >= 0  # refused
