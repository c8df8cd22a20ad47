"""Data sets whose truth is known, one participant at a time: the same central rows whatever the number of sites, for every method.

x1 and x2 are predictors. MAR: y (and in `mixed` also b) is missing with a probability that depends on x1 and on w, which is always observed
and depends on y; the analysis is w ~ y (+ b) + x1. MNAR: y is missing by a selection model with the exclusion column x3; the analysis is
y ~ x1 + x2. Every imputation model is the true conditional distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special, stats

from sandbox.contract import Contract
from tests.algorithms.federation import contract_of

Kind = Literal["continuous", "binary", "mixed", "selection continuous", "selection binary"]
ROWS: Final[dict[Kind, int]] = {
    "continuous": 300,
    "binary": 300,
    "mixed": 300,
    "selection continuous": 800,
    "selection binary": 800,
}
SHIFT: Final[dict[Kind, float]] = {
    "continuous": 0.5,
    "binary": 0.9,
    "mixed": 0.5,
    "selection continuous": 0.5,
    "selection binary": 0.5,
}
"""What is added to the linear predictor of y at every site but central when sites differ: half a residual sd (binary: of a logistic)."""
RHO: Final = 0.5


@dataclass(frozen=True, slots=True)
class World:
    """A kind of data set: its contract, and the true values of what is estimated at central."""

    contract: Contract
    mean: float
    """Of y."""
    slope: float
    """Of y in w ~ y + …, or of x1 in y ~ x1 + x2."""
    exclusion: str = ""


def world(kind: Kind) -> World:
    """The world of a kind."""
    match kind:
        case "continuous":
            return World(contract_of(("y", "x1", "x2", "w"), {"y": "continuous"}), 0.5, 0.5)
        case "binary":
            return World(contract_of(("y", "x1", "x2", "w"), {"y": "binary"}), _mean_of_expit(-0.3, 0.8, -0.5), 0.5)
        case "mixed":
            share = _mean_of_expit(-0.2, 0.7, 0.0)
            return World(contract_of(("y", "x1", "x2", "w", "b"), {"y": "continuous", "b": "binary"}), 0.5 + 0.4 * share, 0.5)
        case "selection continuous":
            return World(contract_of(("y", "x1", "x2", "x3"), {"y": "continuous"}), 0.5, 0.6, "x3")
        case "selection binary":
            # η = 0.2 + 0.6 x1 − 0.4 x2 is normal, so P(y) and the population slope of x1 (Stein's lemma) have closed forms.
            total = float(np.sqrt(1 + _variance(0.6, -0.4)))
            scaled = 0.2 / total
            return World(
                contract_of(("y", "x1", "x2", "x3"), {"y": "binary"}),
                float(stats.norm.cdf(scaled)),
                0.6 * float(stats.norm.pdf(scaled)) / total,
                "x3",
            )


def rows(kind: Kind, repetition: int, participant: int, shift: float) -> np.ndarray:
    """The rows of one participant (0: central), shape (rows, columns), NaN where missing."""
    rng = np.random.default_rng([repetition, participant, sorted(ROWS).index(kind)])
    n = ROWS[kind]
    x1 = rng.normal(size=n)
    x2 = 0.5 * x1 + rng.normal(size=n)
    if kind.startswith("selection"):
        return _selected(kind, rng, x1, x2, shift)
    b = rng.random(n) < special.expit(-0.2 + 0.7 * x1)
    if kind == "binary":
        y = (rng.random(n) < special.expit(-0.3 + 0.8 * x1 - 0.5 * x2 + shift)).astype(float)
    else:
        y = 0.5 + shift + 0.6 * x1 - 0.4 * x2 + 0.4 * b * (kind == "mixed") + rng.normal(size=n)
    w = 0.3 + 0.5 * y + 0.3 * x1 + 0.6 * b * (kind == "mixed") + rng.normal(size=n)
    missing = [rng.random(n) < special.expit(-1.2 + 0.7 * x1 + 0.5 * (w - 0.5)) for _ in range(2)]
    y[missing[0]] = np.nan
    if kind != "mixed":
        return np.column_stack([y, x1, x2, w])
    return np.column_stack([y, x1, x2, w, np.where(missing[1], np.nan, b)])


def _selected(kind: Kind, rng: np.random.Generator, x1: np.ndarray, x2: np.ndarray, shift: float) -> np.ndarray:
    n = len(x1)
    x3, u, rest = rng.normal(size=(3, n))
    e = RHO * u + np.sqrt(1 - RHO**2) * rest
    y = shift + 0.6 * x1 - 0.4 * x2 + e
    y = (y > -0.2).astype(float) if kind == "selection binary" else y + 0.5
    y[0.7 + 0.4 * x1 + 0.9 * x3 + u <= 0] = np.nan
    return np.column_stack([y, x1, x2, x3])


def _variance(first: float, second: float) -> float:
    """Variance of first · x1 + second · x2."""
    return (first + 0.5 * second) ** 2 + second**2


def _mean_of_expit(intercept: float, first: float, second: float) -> float:
    """E expit(intercept + first · x1 + second · x2), by Gauss–Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    values = special.expit(intercept + np.sqrt(_variance(first, second)) * nodes)
    return float(weights @ values / weights.sum())
