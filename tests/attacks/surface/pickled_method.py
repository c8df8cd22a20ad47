"""Pickles an array of objects into a file."""

import numpy as np


def ask(rows, target):
    np.ones(3).dump("/tmp/tidegate-attack-rows")  # refused
    return True
