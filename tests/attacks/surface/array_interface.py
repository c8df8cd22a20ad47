"""Asks an array for its interface, which holds a pointer that can be forged."""

import numpy as np


def ask(rows, target):
    return np.ones(2).__array_interface__  # refused
