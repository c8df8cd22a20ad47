"""Random numbers of its own instead of those of the rows"""

import numpy as np


def moments(rows, target):
    return {"total": np.random.normal()}
