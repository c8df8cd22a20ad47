"""A field of another shape than the manifest declares"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"total": np.array([np.sum(x), 1.0])}
