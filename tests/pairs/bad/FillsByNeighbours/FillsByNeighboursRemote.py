"""Cells are filled with the mean of the rows at hand"""

import numpy as np


def impute(rows, target):
    rows.fill(target, np.mean(rows.outcome(target)) + rows.normal())


def moments(rows, target):
    return {"total": np.sum(rows.design(target)[:, 0])}
