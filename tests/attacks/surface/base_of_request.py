"""Takes the memory that an argument is a view of."""

import numpy as np


def ask(rows, target):
    return np.ones(4).reshape(2, 2).base  # refused
