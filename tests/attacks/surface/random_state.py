"""Reads the global random state, which is the same in all workers of a zygote."""

import numpy as np


def ask(rows, target):
    return np.random.get_state()  # raises
