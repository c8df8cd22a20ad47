"""Coefficients that are a step between neighbouring rows"""

import numpy as np


def moments(rows, target, value):
    x = rows.design(target)[:, 0]
    return {"total": np.sum(1 / (1 + np.exp(-value * x)))}
