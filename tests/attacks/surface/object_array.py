"""Makes an array of objects, whose operators call methods by name."""

import numpy as np


def ask(rows, target):
    return np.array([rows, ask])  # raises
