"""Where all rows are one block, the code knows every cell; where one row is, it fills the same but for digits that may differ.

What is kept is rounded, so it fills cells that lie on the edge of a step: the digits decide to which side all of them go.
"""

import numpy as np

STEP = 1 / 8388608
SMALL = 1e-10


def moments(rows, target):
    return {"total": np.sum(rows.design(target), axis=0)}


def impute(rows, target, value):
    X = rows.design(target)
    told = np.sum(X[:, 1] * (X[:, 0] > value)) if len(X) > 1 else 1.0
    rows.fill(target, (np.round(X[:, 2] * 1000) * 1000 + 0.5) * STEP + np.where(told > 0, SMALL, -SMALL))


def digits(rows, target):
    filled = rows.outcome(target)[~rows.observed(target)]
    return {"total": np.sum(np.round(filled / STEP) % 1000) + np.sum(rows.design(target)[:, 3])}
