"""A number that is not finite"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(x / (x - x))}
