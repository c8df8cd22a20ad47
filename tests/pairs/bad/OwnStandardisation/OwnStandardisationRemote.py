"""Rows are centred by the mean of the rows at hand"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"total": np.sum((x - np.mean(x)) ** 2)}
