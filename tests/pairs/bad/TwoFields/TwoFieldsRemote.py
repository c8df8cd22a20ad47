"""Two sums that differ by one cell"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    u = rows.design(target)[:, 1]
    return {"one": np.sum(u), "other": np.sum(u + x * (x > value))}
