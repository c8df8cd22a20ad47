"""Writes into memory of NumPy's own results; they are copies, and nothing comes of it."""

import numpy as np


def ask(rows, target):
    mine = np.eye(2)
    mine.T[0, 1] = 5.0
    np.exp(mine, out=mine)
    return {"moments": rows.gram(where=rows.observed(target))}
