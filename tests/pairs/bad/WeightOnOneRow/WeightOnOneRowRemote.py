"""Weights that leave one row standing"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(rows.design(target)[:, 1] * np.exp(40.0 * (x - value)))}
