"""Fits back to raw units, for reports. Pure.

With x_s = (x − c_x)/s_x and y_s = (y − c_y)/s_y (a binary y is not scaled: c_y = 0, s_y = 1), y_s = Σ β_j x_s,j + β_ci z + β_0 is

    y = Σ (β_j s_y/s_j) x_j + (β_ci s_y) z + (c_y + s_y β_0 − Σ (β_j s_y/s_j) c_j),

an affine map of β, whose linear part carries the covariance. The γ of a selection model maps like the β of a binary target.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from sandbox.contract import Contract
from sandbox.estimation.arrays import Floats
from sandbox.wire.messages import Constants, FitRecord
from sandbox.worker.arrays import from_numpy, to_numpy
from sandbox.worker.estimation import LinearFit, LogisticFit, SelectionFit

Fit: TypeAlias = LinearFit | LogisticFit | SelectionFit


def fit_record(target: int, fit: Fit, contract: Contract, constants: Constants, exclusion: int = 0) -> FitRecord:
    """`fit` of `target` (1-based index) in raw units; a selection model has an `exclusion` column (1-based index).

    Raises:
        ValueError: the fit has not the shape of the target's design.
    """
    centre, scale = (np.asarray(to_numpy(array), dtype=np.float64) for array in (constants.centre, constants.scale))
    at = {column: position for position, column in enumerate(contract.model)}
    is_binary = contract.column(target).is_binary
    centre_y = 0.0 if is_binary else float(centre[at[target]])
    scale_y = 1.0 if is_binary else float(scale[at[target]])
    predictors = [at[column] for column in contract.design(target)]
    if not isinstance(fit, SelectionFit):
        linear = _linear(scale_y, centre[predictors], scale[predictors], len(fit.beta))
        beta = linear @ fit.beta
        beta[-1] += centre_y
        sigma2 = fit.sigma2 * scale_y**2 if isinstance(fit, LinearFit) else 0.0
        return FitRecord(target, from_numpy(beta), from_numpy(linear @ fit.covariance @ linear.T), fit.n, sigma2)
    q = len(fit.theta) // 2
    linear = _linear(scale_y, centre[predictors], scale[predictors], q)
    # β has no coefficient for the exclusion column: its place in the design stays 0.
    seen = np.delete(np.arange(q), contract.design(target).index(exclusion))
    beta, covariance = np.zeros(q), np.zeros((q, q))
    beta[seen], covariance[np.ix_(seen, seen)] = fit.theta[q:-2], fit.covariance[q:-2, q:-2]
    beta = linear @ beta
    beta[-1] += centre_y
    gamma = _linear(1.0, centre[predictors], scale[predictors], q) @ fit.theta[:q]
    sigma2 = 0.0 if is_binary else float(np.exp(2 * fit.theta[-2])) * scale_y**2
    return FitRecord(
        target,
        from_numpy(beta),
        from_numpy(linear @ covariance @ linear.T),
        fit.n_selected,
        sigma2,
        from_numpy(gamma),
        fit.rho,
    )


def _linear(scale_y: float, centre: Floats, scale: Floats, q: int) -> Floats:
    """The linear part of the map for q coefficients of which the first are those of predictors, shape (q, q)."""
    n_predictors = len(centre)
    if q <= n_predictors:
        raise ValueError("the fit has not the shape of the target's design")
    linear: Floats = scale_y * np.eye(q)
    linear[:n_predictors, :n_predictors] /= scale
    linear[-1, :n_predictors] = -scale_y * centre / scale
    return linear
