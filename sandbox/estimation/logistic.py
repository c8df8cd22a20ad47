"""Logistic regression by Newton's method on pooled H, g, loglik of one pass.

1. Ask for H, g, loglik at β.
2. Step d = (H + Λ)⁻¹ (g − Λβ), decrement λ = (g − Λβ)'d. Λ = ridge · I with zeros at the intercepts.
3. λ < tolerance: the answer is β + d; that last step is not evaluated, since its error is of the order of λ.
4. Else go to β + d. Shorten the step when the penalised loglik fell by more than its rounding, until Armijo's condition (c = 1e-4) holds.

Sites are quadratics made of their cards, so that the loglik is one function, and a question that is refused ends the fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from sandbox.errors import Code
from sandbox.estimation.aggregates import Score
from sandbox.estimation.arrays import Floats, read_only
from sandbox.estimation.cholesky import Factor, FitError, factor
from sandbox.estimation.fits import LogisticFit, penalty

DECREMENT: Final = 1e-3
"""Newton decrement below which the next step is good enough for imputation (it moves β by less than 0.03 SE)."""
ARMIJO: Final = 1e-4
MAX_EVALUATIONS: Final = 20
"""Questions per fit."""
QUADRATIC: Final = 0.25
"""A Newton decrement that falls by less than this factor near the optimum is down to rounding."""
SEPARATED_STEP: Final = 0.5
"""Ratio of successive steps near the optimum: towards 0 for a maximum, about 1 when β runs away."""


def logistic(
    ask: Callable[[Floats], Score],
    start: Floats,
    ridge: float = 0.0,
    tolerance: float = DECREMENT,
    tilt: Floats | None = None,
) -> LogisticFit:
    """Logistic regression by Newton's method on pooled scores.

    Args:
        ask: the score at a β of shape (q,); may raise `Refused`.
        start: first β, shape (q,): zeros, or the last fit of the same target.
        ridge: penalty ridge/2 · |β|², intercepts left out.
        tolerance: Newton decrement at which to stop. The fit stops earlier when rounding keeps the decrement from falling further.
        tilt: maximise loglik + tilt'β instead of loglik, shape (q,).

    Raises:
        FitError: `FIT_TOO_FEW_ROWS`, `FIT_SINGULAR`, `FIT_SEPARATED`, `FIT_NOT_CONVERGED`.
        Refused: a participant refused a question.
    """
    newton = _Newton(ask, ridge, np.zeros(len(start)) if tilt is None else tilt)
    point = newton.at(np.asarray(start, dtype=np.float64))
    if point.score.n <= len(point.beta):
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    while not point.is_good(tolerance):
        point = newton.follow(point)
    if point.is_running_away:
        raise point.separated()
    return LogisticFit(read_only(point.beta + point.step), point.score.n, newton.evaluations, point.factor)


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A β that was asked about, and the Newton step from there."""

    beta: Floats
    score: Score
    objective: float
    step: Floats
    decrement: float
    factor: Factor
    before: _Point | None
    length: float
    """Share of the step before that led here."""

    def is_good(self, tolerance: float) -> bool:
        if self.decrement < tolerance:
            return True
        # Rounded scores put a floor under the decrement. Below DECREMENT it falls quadratically until that floor is reached.
        return self.decrement < DECREMENT and self.before is not None and self.decrement > QUADRATIC * self.before.decrement

    @property
    def is_running_away(self) -> bool:
        """Whether steps keep their length while the loglik flattens: the maximum is at infinity."""
        if self.before is None or self.before.decrement < DECREMENT:
            return False
        # A step that was shortened has its rest left to go.
        remaining = 1.0 - self.length * (1.0 - SEPARATED_STEP)
        return bool(np.abs(self.step).max() > remaining * np.abs(self.before.step).max())

    def separated(self) -> FitError:
        """The error of a maximum at infinity, naming the slope that runs fastest (the intercept only follows)."""
        slopes = np.abs(self.step[: len(self.step) - self.score.n_intercepts])
        return FitError(Code.FIT_SEPARATED, int(np.argmax(slopes)) if slopes.size else None)


class _Newton:
    """Counts the questions of one fit."""

    def __init__(self, ask: Callable[[Floats], Score], ridge: float, tilt: Floats) -> None:
        self.evaluations = 0
        self._ask = ask
        self._ridge = ridge
        self._tilt = tilt

    def at(self, beta: Floats, before: _Point | None = None, length: float = 1.0) -> _Point:
        """Ask about `beta`, which is that share of the step away from `before`."""
        self.evaluations += 1
        score = self._ask(read_only(beta))
        diagonal = penalty(len(beta), score.n_intercepts, self._ridge)
        gradient = score.g - diagonal * beta + self._tilt
        try:
            cholesky = factor(score.H + np.diag(diagonal))
        except FitError as error:
            # A design that was regular at an earlier β has not become singular: its weights have vanished.
            if before is not None and error.code is Code.FIT_SINGULAR:
                raise FitError(Code.FIT_SEPARATED, error.coefficient) from error
            raise
        step = cholesky.solve(gradient)
        objective = score.loglik - 0.5 * float(diagonal @ beta**2) + float(self._tilt @ beta)
        return _Point(beta, score, objective, step, float(gradient @ step), cholesky, before, length)

    def follow(self, point: _Point) -> _Point:
        """The next point: the full step, shortened when it went down."""
        length = 1.0
        has_fallen = False
        while self.evaluations < MAX_EVALUATIONS:
            candidate = self.at(point.beta + length * point.step, point, length)
            rounding = max(point.score.loglik_step, candidate.score.loglik_step)
            wanted = ARMIJO * length * point.decrement if has_fallen else 0.0
            if candidate.objective >= point.objective + wanted - rounding:
                return candidate
            has_fallen = True
            length /= 2
        raise point.separated() if point.is_running_away else FitError(Code.FIT_NOT_CONVERGED)
