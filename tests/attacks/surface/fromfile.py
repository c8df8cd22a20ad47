"""Reads a file as numbers."""

import numpy as np


def ask(rows, target):
    return np.fromfile("/etc/passwd", dtype="u1")  # raises
