"""Asks a NumPy number for its memory and its other methods."""

import numpy as np


def ask(rows, target):
    return np.float64(1.0).newbyteorder()  # raises
