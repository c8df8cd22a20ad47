"""A count of the few rows that a value points at"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    return {"few": np.sum(np.abs(x - value) < 0.008)}
