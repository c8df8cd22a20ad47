"""Feeds einsum what is no formula."""

import numpy as np


def ask(rows, target):
    return np.einsum("i...->" + "i" * 2000, np.ones(3))  # raises
