"""Asks for the object type by its letter."""

import numpy as np


def ask(rows, target):
    return np.zeros(3, "O")  # raises
