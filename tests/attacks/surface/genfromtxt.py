"""Reads a file with genfromtxt."""

import numpy as np


def ask(rows, target):
    return np.genfromtxt("/etc/passwd", dtype=str, delimiter="\n")  # raises
