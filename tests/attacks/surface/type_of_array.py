"""Goes from an array to its dtype and from there to a class."""

import numpy as np


def ask(rows, target):
    return np.ones(2).dtype.type.mro()  # raises
