"""Has NumPy call a function at every division by zero."""

import numpy as np


def ask(rows, target):
    np.seterrcall(max)  # raises
    return None
