"""Cells are numbered through"""

import numpy as np


def impute(rows, target):
    rows.fill(target, np.arange(len(rows.normal())) / 1000)


def moments(rows, target):
    return {"total": np.sum(rows.design(target)[:, 0])}
