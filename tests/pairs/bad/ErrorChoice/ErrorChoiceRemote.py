"""A bit in every question that fails, until the budget of refusals is spent"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    if np.sum(x) < value * len(x):
        raise ValueError
    return {"total": np.sum(x)}
