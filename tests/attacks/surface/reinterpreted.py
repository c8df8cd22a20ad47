"""Looks at numbers as something else."""

import numpy as np


def ask(rows, target):
    return np.ones(2).view("O")  # refused
