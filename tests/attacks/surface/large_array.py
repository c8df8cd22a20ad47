"""Takes memory in one piece."""

import numpy as np


def ask(rows, target):
    return np.zeros(1 << 40).sum()
