"""Sums in objects, which runs operators of whatever comes along; the answer is a number and no array, and no answer either."""

import numpy as np


def ask(rows, target):
    return {"moments": np.sum(np.ones(3), dtype="O")}
