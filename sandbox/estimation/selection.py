"""Heckman's selection model by maximum likelihood on pooled scores (HDMI; Heckman 1979, Galimard et al. 2018).

Selection s = 1{z'γ + u > 0}; the outcome is seen if s = 1. Continuous target: y = x'β + σe. Binary target: y = 1{x'β + e > 0}. (u, e) is
bivariate normal with correlation ρ. z is the whole design of the target, x the same without the exclusion column.

θ = (γ, β, log σ, atanh ρ), of q + (q − 1) + 1 + 1 = t = 2q + 1 numbers; log σ of a binary target is 0 and stays there.

Maximisation. The surface is not concave, so:
  1. From θ = 0, Newton with ρ held at 0 (a probit and a least-squares fit) until the decrement is below 1.
  2. Newton on everything. Where the information is not positive definite its eigenvalues are taken by their size (a direction that goes
     up), and no step moves log σ or atanh ρ by more than 0.7. Steps are shortened as in `logistic`, and where a likelihood is no number.
  3. The end needs a small decrement and a positive definite information, whose inverse is the covariance of the draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg

from sandbox.errors import Code, Refused
from sandbox.estimation.aggregates import SelectionScore
from sandbox.estimation.arrays import Floats, read_only
from sandbox.estimation.cholesky import FitError, factor
from sandbox.estimation.fits import SelectionFit, penalty
from sandbox.estimation.logistic import ARMIJO, DECREMENT, QUADRATIC

MAX_EVALUATIONS: Final = 24
"""Questions per fit."""
PROBIT_DECREMENT: Final = 1.0
"""Decrement at which ρ is let go: θ is then within about one standard error of where ρ = 0 leads."""
MAX_MOVE: Final = 0.7
"""Largest step of log σ and of atanh ρ."""
MAX_CORRELATION: Final = 2.4
"""Largest |atanh ρ| a fit may end at: |ρ| = 0.984. Beyond it selection and outcome are one and the same."""
SMALLEST_EIGENVALUE: Final = 1e-4
"""Of the information scaled to a unit diagonal: below it a direction is taken as flat."""

Mask = npt.NDArray[np.bool_]


def selection(
    ask: Callable[[Floats], SelectionScore],
    q: int,
    family: Literal["gaussian", "binomial"],
    ridge: float = 0.0,
    tolerance: float = DECREMENT,
) -> SelectionFit:
    """The maximum of the likelihood of a selection model.

    Args:
        ask: the score at a θ of shape (2q + 1,); may raise `Refused`.
        q: coefficients of the target's design, intercepts included.
        family: of the target.
        ridge: penalty ridge/2 · (|γ|² + |β|²), intercepts left out.
        tolerance: Newton decrement at which to stop. The fit stops earlier when rounding keeps the decrement from falling further.

    Raises:
        FitError: `FIT_TOO_FEW_ROWS` (also when the target is missing nowhere), `FIT_SINGULAR`, `FIT_CORRELATION` (ρ runs to ±1),
            `FIT_NOT_CONVERGED`.
        Refused: a participant refused a question, for another reason than that its answer is no number.
    """
    ascent = _Ascent(ask, q, family == "gaussian", ridge)
    point = ascent.at(np.zeros(2 * q + 1), None)
    if not q < point.score.n_selected < point.score.n:
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    while point.decrement > PROBIT_DECREMENT:
        point = ascent.follow(point)
    point = ascent.release_correlation(point)
    while not point.is_good(tolerance):
        point = ascent.follow(point)
    return ascent.finish(point)


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A θ that was asked about, and the step from there (0 where θ is held)."""

    theta: Floats
    score: SelectionScore
    gradient: Floats
    information: Floats
    objective: float
    step: Floats
    decrement: float
    is_definite: bool
    before: _Point | None

    def is_good(self, tolerance: float) -> bool:
        if not self.is_definite:
            return False
        if self.decrement < tolerance:
            return True
        has_settled = self.before is not None and self.before.is_definite and self.decrement > QUADRATIC * self.before.decrement
        return self.decrement < DECREMENT and has_settled


class _Ascent:
    """Counts the questions of one fit, and knows which parts of θ are free."""

    def __init__(self, ask: Callable[[Floats], SelectionScore], q: int, has_sigma: bool, ridge: float) -> None:
        self.evaluations = 0
        self._ask = ask
        self._q = q
        self._ridge = ridge
        self._free: Mask = np.ones(2 * q + 1, dtype=bool)
        self._free[-2] = has_sigma
        self._free[-1] = False

    def at(self, theta: Floats, before: _Point | None) -> _Point:
        """Ask about `theta`."""
        self.evaluations += 1
        score = self._ask(read_only(theta))
        diagonal = np.zeros(len(theta))
        diagonal[: self._q] = penalty(self._q, score.n_intercepts, self._ridge)
        diagonal[self._q : -2] = penalty(self._q - 1, score.n_intercepts, self._ridge)
        gradient = score.g - diagonal * theta
        information = score.H + np.diag(diagonal)
        if not (np.isfinite(gradient).all() and np.isfinite(information).all()):
            raise FitError(Code.RULE_NOT_FINITE)
        objective = score.loglik - 0.5 * float(diagonal @ theta**2)
        return self._point(theta, score, gradient, information, objective, before)

    def release_correlation(self, point: _Point) -> _Point:
        """The same θ, with ρ free from now on."""
        self._free[-1] = True
        return self._point(point.theta, point.score, point.gradient, point.information, point.objective, None)

    def follow(self, point: _Point) -> _Point:
        """The next point: the full step, shortened when it went down or too far for numbers."""
        length = _longest(point.step)
        if abs(point.theta[-1] + length * point.step[-1]) > MAX_CORRELATION:
            length = (MAX_CORRELATION - abs(point.theta[-1])) / abs(point.step[-1])
            if length * abs(point.step[-1]) < 1e-3:
                raise FitError(Code.FIT_CORRELATION)
        has_fallen = False
        while self.evaluations < MAX_EVALUATIONS:
            try:
                candidate = self.at(point.theta + length * point.step, point)
            except Refused as refusal:
                if refusal.code is not Code.RULE_NOT_FINITE:
                    raise
                length /= 2
                continue
            rounding = max(point.score.loglik_step, candidate.score.loglik_step)
            wanted = ARMIJO * length * float(point.gradient @ point.step) if has_fallen else 0.0
            if candidate.objective >= point.objective + wanted - rounding:
                return candidate
            has_fallen = True
            length /= 2
        raise FitError(Code.FIT_NOT_CONVERGED)

    def finish(self, point: _Point) -> SelectionFit:
        """The fit a good point leads to."""
        try:
            spread = factor(point.information[np.ix_(self._free, self._free)])
        except FitError as error:
            blamed = error.coefficient
            raise FitError(error.code, blamed if blamed is not None and blamed < self._q else None) from error
        covariance = np.zeros_like(point.information)
        covariance[np.ix_(self._free, self._free)] = spread.covariance()
        theta = read_only(point.theta + point.step)
        score = point.score
        return SelectionFit(theta, read_only(covariance), score.n, score.n_selected, self.evaluations, spread, self._free.copy())

    def _point(
        self, theta: Floats, score: SelectionScore, gradient: Floats, information: Floats, objective: float, before: _Point | None
    ) -> _Point:
        free = self._free
        step = np.zeros(len(theta))
        step[free], is_definite = _uphill(information[np.ix_(free, free)], gradient[free])
        decrement = float(gradient @ step)
        return _Point(theta, score, gradient, information, objective, step, decrement, is_definite, before)


def _uphill(information: Floats, gradient: Floats) -> tuple[Floats, bool]:
    """A direction that goes up: Newton's where the information is positive definite, which is the second answer."""
    diagonal = np.abs(np.diagonal(information))
    if (diagonal <= 0).any():
        raise FitError(Code.FIT_SINGULAR, int(np.argmax(diagonal <= 0)))
    root = np.sqrt(diagonal)
    values, vectors = linalg.eigh(information / np.outer(root, root))
    sizes = np.maximum(np.abs(values), SMALLEST_EIGENVALUE)
    step: Floats = vectors @ ((vectors.T @ (gradient / root)) / sizes) / root
    return step, bool(values[0] > 0)


def _longest(step: Floats) -> float:
    """The share of a step that moves log σ and atanh ρ no further than they may."""
    furthest = float(np.abs(step[-2:]).max())
    return 1.0 if furthest <= MAX_MOVE else MAX_MOVE / furthest
