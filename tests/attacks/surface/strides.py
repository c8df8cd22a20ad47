"""Reads memory behind an array with as_strided."""

import numpy as np


def ask(rows, target):
    return np.lib.stride_tricks.as_strided(np.ones(2), (1000,)).sum()  # raises
