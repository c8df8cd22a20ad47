"""A text where a number is declared"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"total": "high" if np.sum(x) > 0 else "low"}
