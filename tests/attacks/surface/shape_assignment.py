"""Changes the shape of an array in place, to look behind it."""

import numpy as np


def ask(rows, target):
    small = np.ones(2)
    small.shape = (1000000,)  # refused
    return small
