"""Equations that step over their root for ever"""

import numpy as np


def score(rows, target, beta):
    X = rows.design(target)
    return {"gradient": np.sum(X**2, axis=0) * np.where(beta > 0, -1.0, 1.0), "information": np.diag(np.sum(X**2, axis=0))}
