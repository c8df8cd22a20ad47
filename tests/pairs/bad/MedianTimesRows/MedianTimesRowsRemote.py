"""A median, scaled by the number of rows"""

import numpy as np


def moments(rows, target):
    x = rows.design(target)[:, 0]
    return {"total": np.median(x) * len(x)}
