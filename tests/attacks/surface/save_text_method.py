"""Writes rows with ndarray.tofile."""

import numpy as np


def ask(rows, target):
    np.ones(3).tofile("/tmp/tidegate-attack-rows")  # refused
    return True
