"""One for every row, and a cell more for one of them"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(1.0 + x * (x > value))}
