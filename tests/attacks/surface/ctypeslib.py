"""Reaches ctypes through NumPy."""

import numpy as np


def ask(rows, target):
    return np.ctypeslib.ctypes.CDLL(None).socket(2, 1, 0) >= 0  # refused
