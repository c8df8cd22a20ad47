"""SIMI as a statistician would write it for rows in memory: plain NumPy, sums over the rows that show the target."""

import numpy as np


def moments(rows, target):
    seen = rows.observed(target)
    X = rows.design(target)[seen]
    y = rows.outcome(target)[seen]
    return {"n": np.sum(seen), "XX": X.T @ X, "Xy": X.T @ y, "yy": y @ y}


def score(rows, target, beta):
    seen = rows.observed(target)
    X = rows.design(target)[seen]
    y = rows.outcome(target)[seen]
    eta = X @ beta
    p = 1 / (1 + np.exp(-eta))
    return {
        "n": np.sum(seen),
        "H": (X * (p * (1 - p))[:, None]).T @ X,
        "g": X.T @ (y - p),
        "loglik": np.sum(y * eta - np.log1p(np.exp(eta))),
    }


def impute_continuous(rows, target, beta, sigma):
    rows.fill(target, rows.design(target) @ beta + sigma * rows.normal())


def impute_binary(rows, target, beta):
    p = 1 / (1 + np.exp(-(rows.design(target) @ beta)))
    rows.fill(target, rows.uniform() < p)
