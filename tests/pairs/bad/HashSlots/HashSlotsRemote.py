"""Sums over random halves of the rows, as many as it takes to solve for a cell"""

import numpy as np


def moments(rows, target, value):
    X = rows.design(target)
    q = X.shape[1]
    totals = np.zeros((q, q))
    for number in range(q * q):
        half = np.floor(1e4 * X[:, 1] * (1 + value + number)) % 2
        totals[number // q, number % q] = np.sum(X[:, 0] * half)
    return {"totals": totals}
