"""Fits and draws from their posteriors. A covariance is computed when it is asked for: a draw does without, and only reports show one.

Linear (van Buuren 2018, algorithm 3.1, with the rows of all sites):
  flat prior        σ² ~ SSE / χ²(df)
  published prior   σ² ~ (SSE + 1) / χ²(rows + 1), the IG((N+1)/2, (SSE+1)/2) of Chang et al. 2020; it depends on the scale of y
  then              β ~ N(β̂, σ² V)
Logistic and selection models: N(estimate, V), the asymptotic posterior (Rubin 1987, p. 169; as mice's logreg).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import linalg

from sandbox.errors import Code
from sandbox.estimation.arrays import Floats, read_only
from sandbox.estimation.cholesky import FitError

Prior = Literal["flat", "published"]


class Random(Protocol):
    """The random numbers of a job, as fits need them."""

    def normal(self, size: int) -> Floats:
        """Standard normal, shape (size,)."""

    def chisquare(self, df: float) -> float:
        """One χ²(df)."""


class Spread(Protocol):
    """A covariance V: `cholesky.Factor` of its inverse, or :class:`Covariance`."""

    def spread(self, noise: Floats) -> Floats:
        """For z ~ N(0, I) of shape (q,), a draw from N(0, V)."""

    def covariance(self) -> Floats:
        """V, shape (q, q), exactly symmetric."""


class Covariance:
    """A covariance that is known itself, such as a sum of several."""

    def __init__(self, matrix: Floats) -> None:
        """Factor V, shape (q, q). Raises :class:`FitError` when it is not positive definite."""
        try:
            self._lower: Floats = linalg.cholesky(matrix, lower=True)
        except (linalg.LinAlgError, ValueError) as error:
            raise FitError(Code.FIT_SINGULAR) from error
        self._matrix = matrix

    def spread(self, noise: Floats) -> Floats:
        """L z with V = L L'."""
        spread: Floats = self._lower @ noise
        return spread

    def covariance(self) -> Floats:
        """V itself."""
        symmetric: Floats = (self._matrix + self._matrix.T) / 2
        return symmetric


class Scaled:
    """A multiple of another covariance."""

    def __init__(self, inner: Spread, scale: float) -> None:
        self._inner = inner
        self._scale = scale

    def spread(self, noise: Floats) -> Floats:
        """√scale times a draw of the other."""
        spread: Floats = np.sqrt(self._scale) * self._inner.spread(noise)
        return spread

    def covariance(self) -> Floats:
        """scale · V."""
        return self._scale * self._inner.covariance()


@dataclass(frozen=True, slots=True)
class Residuals:
    """What a residual variance is drawn from."""

    sse: float
    """Sum of squared residuals."""
    df: int
    """Degrees of freedom: rows less coefficients."""
    n: int
    """Rows."""
    prior: Prior

    @property
    def variance(self) -> float:
        """σ̂² = SSE / df."""
        return self.sse / self.df

    def draw(self, rng: Random) -> float:
        """One σ."""
        if self.prior == "flat":
            return float(np.sqrt(self.sse / rng.chisquare(self.df)))
        return float(np.sqrt((self.sse + 1.0) / rng.chisquare(self.n + 1)))


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """A linear fit, in standardised units."""

    beta: Floats
    """β̂, shape (q,)."""
    sigma2: float
    """σ̂²."""
    n: int
    """Rows of all participants."""
    q: int
    spread: Spread = field(repr=False)
    residuals: Residuals = field(repr=False)

    @property
    def covariance(self) -> Floats:
        """σ̂² V, shape (q, q)."""
        return read_only(self.sigma2 * self.spread.covariance())

    def draw(self, rng: Random) -> tuple[Floats, float]:
        """One (β, σ) from the posterior; β has shape (q,)."""
        sigma = self.residuals.draw(rng)
        return read_only(self.beta + sigma * self.spread.spread(rng.normal(self.q))), sigma


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """A logistic fit, in standardised units."""

    beta: Floats
    """β̂, shape (q,)."""
    n: int
    """Rows of all participants."""
    evaluations: int
    """Questions asked at a β."""
    spread: Spread = field(repr=False)

    @property
    def covariance(self) -> Floats:
        """V, shape (q, q)."""
        return read_only(self.spread.covariance())

    def draw(self, rng: Random) -> Floats:
        """One β from the approximate posterior, shape (q,)."""
        return read_only(self.beta + self.spread.spread(rng.normal(len(self.beta))))


@dataclass(frozen=True, slots=True, eq=False)
class SelectionFit:
    """A fit of a selection model, in standardised units; `selection` says what θ is made of."""

    theta: Floats
    """θ̂, shape (2q + 1,)."""
    covariance: Floats
    """V, shape (2q + 1, 2q + 1); zero where θ is fixed (log σ of a binary target)."""
    n: int
    """Rows of all participants."""
    n_selected: int
    """Rows with the target observed."""
    evaluations: int
    """Questions asked at a θ."""
    spread: Spread = field(repr=False)
    free: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def rho(self) -> float:
        """ρ̂, the correlation of selection and outcome."""
        return float(np.tanh(self.theta[-1]))

    def draw(self, rng: Random) -> Floats:
        """One θ from the approximate posterior, shape (2q + 1,)."""
        drawn = np.array(self.theta)
        drawn[self.free] += self.spread.spread(rng.normal(int(self.free.sum())))
        return read_only(drawn)


def linear_fit(beta: Floats, spread: Spread, residuals: Residuals, n: int) -> LinearFit:
    """The fit of a β̂ with covariance σ² V and the residuals that σ² is drawn from."""
    return LinearFit(read_only(beta), residuals.variance, n, len(beta), spread, residuals)


def penalty(q: int, n_intercepts: int, ridge: float) -> Floats:
    """Diagonal of Λ: `ridge`, and 0 at the intercepts, which come last; shape (q,)."""
    if not 0 <= ridge < np.inf:
        raise ValueError("ridge must be a finite number, 0 or more")
    diagonal = np.full(q, float(ridge))
    diagonal[q - n_intercepts :] = 0.0
    return diagonal
