"""Takes the table behind a facade."""

import numpy as np


def ask(rows, target):
    return np._members["linalg"]._members  # refused
