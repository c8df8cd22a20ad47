"""What an analyst does with M completed data sets: the mean of y and one slope by least squares, pooled by Rubin's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sandbox.pooling import pool
from tests.statistics.data import Kind


@dataclass(frozen=True, slots=True)
class Estimate:
    """A pooled estimate, its standard error, and half the width of its 95 % interval."""

    value: float
    error: float
    margin: float


def analyse(kind: Kind, data_sets: Sequence[np.ndarray]) -> tuple[Estimate, Estimate]:
    """The mean of y and the slope from completed data sets, each of shape (rows, columns) in the order of the contract."""
    parts = [_analyse_one(kind, data) for data in data_sets]
    n, k = len(data_sets[0]), parts[0][2]
    means, slopes = zip(*((mean, slope) for mean, slope, _ in parts), strict=True)
    return _pooled(means, n - 1), _pooled(slopes, n - k)


def _pooled(results: Sequence[tuple[float, float]], dfcom: float) -> Estimate:
    pooled = pool([value for value, _ in results], [variance for _, variance in results], dfcom)
    return Estimate(pooled.estimate, pooled.standard_error, float(stats.t.ppf(0.975, pooled.df)) * pooled.standard_error)


def _analyse_one(kind: Kind, data: np.ndarray) -> tuple[tuple[float, float], tuple[float, float], int]:
    y, x1 = data[:, 0], data[:, 1]
    n = len(y)
    if kind.startswith("selection"):
        outcome, X, which = y, np.column_stack([x1, data[:, 2], np.ones(n)]), 0
    elif kind == "mixed":
        outcome, X, which = data[:, 3], np.column_stack([y, data[:, 4], x1, np.ones(n)]), 0
    else:
        outcome, X, which = data[:, 3], np.column_stack([y, x1, np.ones(n)]), 0
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ (X.T @ outcome)
    residual = outcome - X @ beta
    k = X.shape[1]
    if kind == "selection binary":
        # A linear probability model has unequal variances: HC1.
        meat = (X * residual[:, None] ** 2).T @ X
        variance = (inverse @ meat @ inverse)[which, which] * n / (n - k)
    else:
        variance = residual @ residual / (n - k) * inverse[which, which]
    return (float(y.mean()), float(y.var(ddof=1) / n)), (float(beta[which]), float(variance)), k
