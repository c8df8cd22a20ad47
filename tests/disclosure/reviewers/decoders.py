"""What was answered, turned into people: the same few solvers for every attack. Nothing here knows a site."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

Values = npt.NDArray[np.float64]


def best_linear(weights: Values, answers: Values, error: Values, prior: Values, prior_sd: Values) -> Values:
    """The posterior mean of what each cell adds, shape (cells,), when answers are sums with errors and cells have a normal prior.

    Args:
        weights: what one unit of each cell adds to each answer, shape (answers, cells).
        answers: shape (answers,); `error` is the sd of each.
        prior: what is known of the cells beforehand, with `prior_sd`.
    """
    left = np.vstack([weights / error[:, None], np.diag(1 / prior_sd)])
    right = np.concatenate([answers / error, prior / prior_sd])
    found: Values = np.linalg.lstsq(left, right, rcond=1e-15)[0]
    return found


def bounded(weights: Values, answers: Values, error: Values, low: Values, high: Values) -> Values:
    """As :func:`best_linear`, with bounds in place of a prior: counts are not negative, and nobody is 200 years old."""
    found: Values = lsq_linear(weights / error[:, None], answers / error, bounds=(low, high), max_iter=500).x
    return found


def logistic_weight(eta: Values) -> Values:
    """p(1 − p): what a row adds to the information of a logistic question."""
    p = 1 / (1 + np.exp(-eta))
    return p * (1 - p)
