"""Fits back to raw units, for reports. Pure.

With x_s = (x − c_x)/s_x and y_s = (y − c_y)/s_y (a binary y is not scaled: c_y = 0, s_y = 1), y_s = Σ β_j x_s,j + β_ci z + β_0 is

    y = Σ (β_j s_y/s_j) x_j + (β_ci s_y) z + (c_y + s_y β_0 − Σ (β_j s_y/s_j) c_j),

an affine map of β, whose linear part carries the covariance.
"""

from __future__ import annotations

import numpy as np

from sandbox.contract import Contract
from sandbox.wire.messages import Constants, FitRecord
from sandbox.worker.arrays import Floats, from_numpy, to_numpy
from sandbox.worker.estimation import LinearFit, LogisticFit


def fit_record(target: int, fit: LinearFit | LogisticFit, contract: Contract, constants: Constants) -> FitRecord:
    """`fit` of `target` (1-based index) in raw units.

    Raises:
        ValueError: the fit has not the shape of the target's design.
    """
    centre, scale = to_numpy(constants.centre), to_numpy(constants.scale)
    at = {column: position for position, column in enumerate(contract.model)}
    predictors = [at[column] for column in contract.design(target)]
    is_binary = contract.column(target).is_binary
    centre_y = 0.0 if is_binary else float(centre[at[target]])
    scale_y = 1.0 if is_binary else float(scale[at[target]])
    q, n_predictors = len(fit.beta), len(predictors)
    if q <= n_predictors:
        raise ValueError("the fit has not the shape of the target's design")
    linear: Floats = scale_y * np.eye(q)
    linear[:n_predictors, :n_predictors] /= scale[predictors]
    linear[-1, :n_predictors] = -scale_y * centre[predictors] / scale[predictors]
    beta = linear @ fit.beta
    beta[-1] += centre_y
    sigma2 = fit.sigma2 * scale_y**2 if isinstance(fit, LinearFit) else 0.0
    return FitRecord(target, from_numpy(beta), from_numpy(linear @ fit.covariance @ linear.T), fit.n, sigma2)
