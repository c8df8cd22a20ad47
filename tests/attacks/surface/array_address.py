"""Asks an array for its address."""

import numpy as np


def ask(rows, target):
    return np.ones(2).ctypes.data, np.ones(2).data  # refused
