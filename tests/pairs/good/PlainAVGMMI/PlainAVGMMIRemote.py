"""AVGMMI for a binary target in plain NumPy: the equations that a site's own logistic fit solves."""

import numpy as np


def score(rows, target, beta):
    seen = rows.observed(target)
    X = rows.design(target)[seen]
    p = 1 / (1 + np.exp(-(X @ beta)))
    return {"gradient": X.T @ (rows.outcome(target)[seen] - p), "information": (X * (p * (1 - p))[:, None]).T @ X}


def size(rows, target):
    return {"n": np.sum(rows.observed(target))}


def impute(rows, target, beta):
    p = 1 / (1 + np.exp(-(rows.design(target) @ beta)))
    rows.fill(target, rows.uniform() < p)
