"""A default set of estimates of the completed data at central, pooled by Rubin's rules: what the missing cells cost.

The mean of every target, and its slopes on the predictors by least squares (for a binary target a linear probability model). Not an
analysis to publish: it shows the fraction of missing information before one is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from sandbox.gate.imputations import Imputations
from sandbox.gate.kernels import Units
from sandbox.gate.rows import Matrix, Rows
from sandbox.pooling import Pooled, pool

MAX_SLOPES = 20
"""Predictors above it are left out: the report stays readable."""


def pool_defaults(rows: Rows, units: Units, imputations: Imputations) -> list[dict[str, Any]]:
    """The pooled estimates, over the rows that take part; none when there are fewer than two imputations or hardly any rows."""
    predictors = [position for position, index in enumerate(rows.model) if index not in rows.targets][:MAX_SLOPES]
    design = [*predictors, rows.p - 1]
    if imputations.n_kept < 2 or rows.n <= len(design) + 1:
        return []
    gram = rows.total_gram()[np.ix_(design, design)]
    factor = _factor(gram)
    found = []
    for index in rows.targets:
        estimates, variances = [], []
        for number in range(imputations.n_kept):
            values = imputations.completed(index, number, units)
            some = _mean(values) if factor is None else _mean_and_slopes(values, rows.products(values)[design], factor)
            estimates.append(some[0])
            variances.append(some[1])
        scales = np.concatenate(([1.0], units.scale[predictors] if factor is not None else []))
        for place, scale in enumerate(scales.tolist()):
            dfcom = rows.n - (len(design) if place else 1)
            pooled = pool([one[place] / scale for one in estimates], [one[place] / scale**2 for one in variances], dfcom)
            found.append(_entry(index, rows.model[predictors[place - 1]] if place else 0, pooled))
    return found


def _factor(gram: Matrix) -> Matrix | None:
    scale = np.sqrt(np.maximum(np.diagonal(gram), np.finfo(float).tiny))
    try:
        lower: Matrix = scipy.linalg.cholesky(gram, lower=True)
    except np.linalg.LinAlgError:
        return None
    return lower if (np.diagonal(lower) > 1e-7 * scale).all() else None


def _mean(values: Matrix) -> tuple[list[float], list[float]]:
    return [float(values.mean())], [float(values.var(ddof=1)) / len(values)]


def _mean_and_slopes(values: Matrix, products: Matrix, factor: Matrix) -> tuple[list[float], list[float]]:
    (mean,), (variance,) = _mean(values)
    beta = scipy.linalg.cho_solve((factor, True), products)
    n, q = len(values), len(beta)
    # About the mean: a sum of squares loses its digits when the mean is large.
    centred = beta.copy()
    centred[-1] -= mean
    total = float(((values - mean) ** 2).sum())
    sse = max(total - float(np.sum((factor.T @ centred) ** 2)), 0.0)
    inverse = scipy.linalg.cho_solve((factor, True), np.eye(q))
    slopes = beta[:-1].tolist()
    return [mean, *slopes], [variance, *(sse / (n - q) * np.diagonal(inverse)[:-1]).tolist()]


def _entry(target: int, predictor: int, pooled: Pooled) -> dict[str, Any]:
    numbers = {"estimate": pooled.estimate, "se": pooled.standard_error, "df": pooled.df, "riv": pooled.riv, "lambda": pooled.lambda_}
    return {"target": target, "predictor": predictor, **numbers, "fmi": pooled.fmi}
