"""Maps a file as an array."""

import numpy as np


def ask(rows, target):
    return np.memmap("/etc/passwd", mode="r").sum()  # raises
