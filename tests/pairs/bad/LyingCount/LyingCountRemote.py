"""A count that carries a cell"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"n": len(x) + np.int64(100 * np.abs(x[0]))}
