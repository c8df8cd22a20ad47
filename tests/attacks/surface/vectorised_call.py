"""Has NumPy call a function of its choice (vectorize, apply_along_axis)."""

import numpy as np


def ask(rows, target):
    return np.apply_along_axis(max, 0, np.ones(3))  # raises
