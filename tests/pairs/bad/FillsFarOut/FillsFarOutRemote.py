"""A filled cell that outweighs every other"""

import numpy as np


def impute(rows, target):
    rows.fill(target, 1e6 * rows.normal())


def moments(rows, target):
    return {"total": np.sum(rows.design(target)[:, 0])}
