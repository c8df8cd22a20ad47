"""Does central differ from the sites? A z-test of central's mean residual under the pooled fit of each target.

A pooled fit has one intercept. Where central's level of a target is another one, the sites outvote it and central's imputed values are
shifted. The test discloses nothing: the fit is an aggregate that central has, the residuals are those of central's own rows.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from scipy.special import log_ndtr, ndtr

from sandbox.gate import bivariate
from sandbox.gate.kernels import Units
from sandbox.gate.rows import Matrix, Rows

MAX_Z: Final = 3.0


def mean_residual_z(rows: Rows, units: Units, target: int, fit: dict[str, Any]) -> float | None:
    """z of the mean residual of the rows with the target observed; None when the fit says nothing about it.

    The mean residual of n rows out of those of the fit has variance Σw/n² − d'Vd, with V the covariance of β, w the variance of a row's
    outcome and d = Σ w x/(n φ): what the rows themselves have pulled the fit towards them is taken off. For a selection model the residual
    is from the mean given that the outcome is seen, and nothing is taken off: the test is then on the safe side.

    Args:
        rows: central's rows as they are completed now.
        units: of the columns.
        target: 1-based index.
        fit: of the target in raw units, as run.json has it: `beta`, `covariance`, `sigma2` (None for a binary target), `selection`.
    """
    beta, covariance = np.asarray(fit["beta"], dtype=np.float64), np.asarray(fit["covariance"], dtype=np.float64)
    position = rows.position(target)
    others = [place for place in range(rows.n_columns) if place != position]
    is_observed = np.ones(rows.n, dtype=bool)
    is_observed[rows.missing_places(target)] = False
    n = int(is_observed.sum())
    if n < 2 or len(beta) != len(others) + 1:
        return None

    def raw(place: int) -> Matrix:
        values: Matrix = rows.column(place)[is_observed] * units.scale[place] + units.centre[place]
        return values

    def predicted(coefficients: Matrix) -> Matrix:
        eta = np.full(n, coefficients[-1])
        for place, coefficient in zip(others, coefficients, strict=False):
            eta += coefficient * raw(place)
        return eta

    eta = predicted(beta)
    if "selection" in fit:
        selected = predicted(np.asarray(fit["selection"]["gamma"], dtype=np.float64))
        fitted, weight = _seen(eta, selected, fit["selection"]["rho"], fit["sigma2"])
        return float((raw(position) - fitted).mean()) * n / math.sqrt(float(weight.sum()))
    if units.is_binary[position]:
        fitted = 1.0 / (1.0 + np.exp(-np.clip(eta, -700, 700)))
        weight, dispersion = fitted * (1.0 - fitted), 1.0
    else:
        fitted, dispersion = eta, float(fit["sigma2"] or 0.0)
        weight = np.full(n, dispersion)
    residual = float((raw(position) - fitted).mean())
    if not dispersion > 0:
        return None
    pull = np.array([*(float(weight @ raw(place)) for place in others), float(weight.sum())]) / (n * dispersion)
    own = float(weight.sum()) / n**2
    variance = own - float(pull @ covariance @ pull)
    # When central has nearly all the rows the fit follows it, and there is nothing left to test.
    return residual / math.sqrt(variance) if variance > 1e-3 * own else None


def _seen(eta: Matrix, selected: Matrix, rho: float, sigma2: float | None) -> tuple[Matrix, Matrix]:
    """Mean and variance of outcomes of a selection model, given that they are seen; `selected` is z'γ."""
    if sigma2 is None:
        share = bivariate.cdf(eta, selected, rho) / ndtr(selected)
        return share, share * (1.0 - share)
    mills = np.exp(-0.5 * selected**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(selected))
    return eta + math.sqrt(sigma2) * rho * mills, sigma2 * (1.0 - rho**2 * mills * (mills + selected))
