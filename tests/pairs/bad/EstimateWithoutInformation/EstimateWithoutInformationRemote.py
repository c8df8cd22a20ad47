"""An estimate whose sums have no inverse"""

import numpy as np


def score(rows, target, beta):
    X = rows.design(target)[rows.observed(target)]
    return {"gradient": 0 * np.sum(X, axis=0), "information": np.full((X.shape[1], X.shape[1]), 1.0 * len(X))}
