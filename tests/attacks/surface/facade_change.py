"""Replaces a function of NumPy for everybody, through an item."""

import numpy as np


def ask(rows, target):
    np["linalg"] = rows  # raises
    return None
