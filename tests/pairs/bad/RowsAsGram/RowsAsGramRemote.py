"""Raw rows in a field that is symmetric and positive definite"""

import numpy as np


def moments(rows, target):
    X = rows.design(target)
    q = X.shape[1]
    shown = X[:q]
    out = 100.0 * np.eye(q)
    out[: shown.shape[0]] += shown
    return {"XX": out + out.T}
