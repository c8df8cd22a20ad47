"""Two questions that differ by one row, with another one in between"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(x * (x < value))}
