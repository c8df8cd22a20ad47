"""AVGMMI for a binary target in plain NumPy: a logistic fit of the site's own, and the score equations it solves."""

import numpy as np


def fit(rows, target):
    beta = np.zeros(rows.design(target).shape[1])
    for _ in range(30):
        found = score(rows, target, beta)
        step = np.linalg.solve(found["information"], found["gradient"])
        beta = beta + step
        if np.max(np.abs(step)) < 1e-12:
            break
    return {"fit": beta}


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
