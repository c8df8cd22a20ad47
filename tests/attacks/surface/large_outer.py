"""Takes memory as a product of small things."""

import numpy as np


def ask(rows, target):
    return np.kron(np.ones((3000, 3000)), np.ones((3000, 3000)))
