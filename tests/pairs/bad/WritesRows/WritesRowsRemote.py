"""The rows are changed in place"""

import numpy as np


def moments(rows, target):
    x = rows.matrix()
    x[:, 0] = 0.0
    return {"total": np.sum(x)}
