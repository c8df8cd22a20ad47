"""Two questions that differ by one row"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(x * (x < value))}
