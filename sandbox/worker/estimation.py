"""Fits from aggregates and draws from their posteriors: what pairs import as `tidegate.estimation`. Pure; no rows, no I/O.

Definitions. q = coefficients of a design (n_intercepts of them, last, are intercepts), N = rows, Λ = ridge · I with zeros at the
intercepts, in standardised units and never proportional to N.

Least squares: β̂ = (X'X + Λ)⁻¹ X'y, SSE = |y − Xβ̂|². Draws (van Buuren 2018, algorithm 3.1, with the federated N):
  flat prior        σ² ~ SSE / χ²(N − q)
  published prior   σ² ~ (SSE + 1) / χ²(N + 1), the IG((N+1)/2, (SSE+1)/2) of Chang et al. 2020; it depends on the scale of y
  then              β ~ N(β̂, σ² (X'X + Λ)⁻¹)

Logistic regression, Newton on H, g, loglik of one pass:
  1. Ask for H, g, loglik at β.
  2. Step d = (H + Λ)⁻¹ (g − Λβ), decrement λ = (g − Λβ)'d.
  3. λ < tolerance: the answer is β + d; that last step is not evaluated, since its error is of the order of λ.
  4. Else go to β + d. Shorten the step when a site refused the question, or when the penalised loglik fell by more than its rounding
     (then until Armijo's condition with c = 1e-4 holds).
Draws: β ~ N(β̂, (H + Λ)⁻¹), as mice's logreg (Rubin 1987, p. 169).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import numpy as np

from sandbox.errors import Code, Refused
from sandbox.worker.arrays import Floats, read_only
from sandbox.worker.cholesky import Factor, FitError, factor
from sandbox.worker.records import Gram, Score

__all__ = ["FitError", "LinearFit", "LogisticFit", "least_squares", "logistic"]

DECREMENT: Final = 1e-3
"""Newton decrement below which the next step is good enough for imputation (it moves β by less than 0.03 SE)."""
ARMIJO: Final = 1e-4
MAX_EVALUATIONS: Final = 20
"""Questions per fit, refused ones included; below `max_evaluations_per_fit` of every policy."""
MAX_REFUSALS: Final = 3
"""Refused questions per fit: each costs a site one unit of its budget."""
QUADRATIC: Final = 0.25
"""A Newton decrement that falls by less than this factor near the optimum is down to rounding."""
SEPARATED_STEP: Final = 0.5
"""Ratio of successive steps near the optimum: towards 0 for a maximum, about 1 when β runs away."""
_SHORTEN: Final = frozenset({Code.RULE_ETA, Code.RULE_WEIGHT_SUM})
"""Refusals that a shorter step may avoid."""


class Random(Protocol):
    """The random numbers of a job, as fits need them."""

    def normal(self, size: int) -> Floats:
        """Standard normal, shape (size,)."""

    def chisquare(self, df: float) -> float:
        """One χ²(df)."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """A least-squares fit, in the units of its Gram (standardised)."""

    beta: Floats
    """β̂, shape (q,)."""
    covariance: Floats
    """σ̂² (X'X + Λ)⁻¹, shape (q, q)."""
    sigma2: float
    """σ̂² = SSE / (N − q)."""
    n: int
    q: int
    _factor: Factor = field(repr=False)
    _sse: float = field(repr=False)
    _prior: Literal["flat", "published"] = field(repr=False)

    def draw(self, rng: Random) -> tuple[Floats, float]:
        """One (β, σ) from the posterior; β has shape (q,)."""
        if self._prior == "flat":
            sigma = float(np.sqrt(self._sse / rng.chisquare(self.n - self.q)))
        else:
            sigma = float(np.sqrt((self._sse + 1.0) / rng.chisquare(self.n + 1)))
        return read_only(self.beta + sigma * self._factor.spread(rng.normal(self.q))), sigma


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """A logistic fit, in the units of its scores (standardised)."""

    beta: Floats
    """β̂, shape (q,)."""
    covariance: Floats
    """(H + Λ)⁻¹, shape (q, q), H taken at the last β that was asked about."""
    n: int
    evaluations: int
    """Questions asked."""
    _factor: Factor = field(repr=False)

    def draw(self, rng: Random) -> Floats:
        """One β from the approximate posterior, shape (q,)."""
        return read_only(self.beta + self._factor.spread(rng.normal(len(self.beta))))


def least_squares(gram: Gram, ridge: float = 0.0, prior: Literal["flat", "published"] = "flat") -> LinearFit:
    """Least squares from pooled sufficient statistics.

    Args:
        gram: n, X'X (q, q), X'y (q,), y'y.
        ridge: added to the diagonal of X'X except at the intercepts.
        prior: of σ², for draws.

    Raises:
        FitError: `FIT_TOO_FEW_ROWS` unless n > q; `FIT_SINGULAR`.
        ValueError: an unknown prior or a negative ridge.
    """
    if prior not in ("flat", "published"):
        raise ValueError("prior must be 'flat' or 'published'")
    q = len(gram.Xy)
    if gram.n <= q:
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    cholesky = factor(gram.XX + np.diag(_penalty(q, gram.n_intercepts, ridge)))
    beta = cholesky.solve(gram.Xy)
    # A perfect fit leaves a difference of rounding errors, which may be negative; σ = 0 is then the right answer.
    sse = max(float(gram.yy - 2.0 * (beta @ gram.Xy) + beta @ gram.XX @ beta), 0.0)
    sigma2 = sse / (gram.n - q)
    return LinearFit(read_only(beta), read_only(sigma2 * cholesky.covariance()), sigma2, gram.n, q, cholesky, sse, prior)


def logistic(
    ask: Callable[[Floats], Score],
    start: Floats,
    ridge: float = 0.0,
    tolerance: float = DECREMENT,
) -> LogisticFit:
    """Logistic regression by Newton's method on pooled scores.

    Args:
        ask: the score at a β of shape (q,); may raise `Refused`.
        start: first β, shape (q,): zeros, or the last fit of the same target.
        ridge: penalty ridge/2 · |β|², intercepts left out.
        tolerance: Newton decrement at which to stop. The fit stops earlier when rounding keeps the decrement from falling further.

    Raises:
        FitError: `FIT_TOO_FEW_ROWS`, `FIT_SINGULAR`, `FIT_SEPARATED`, `FIT_NOT_CONVERGED`.
        Refused: a site refused for a reason that a shorter step does not mend, or again and again.
    """
    newton = _Newton(ask, ridge)
    point = newton.at(np.asarray(start, dtype=np.float64))
    if point.score.n <= len(point.beta):
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    while not point.is_good(tolerance):
        point = newton.follow(point)
    if point.is_running_away:
        raise point.separated()
    beta, covariance = read_only(point.beta + point.step), read_only(point.factor.covariance())
    return LogisticFit(beta, covariance, point.score.n, newton.evaluations, point.factor)


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
        return bool(np.abs(self.step).max() > SEPARATED_STEP * np.abs(self.before.step).max())

    def separated(self) -> FitError:
        """The error of a maximum at infinity, naming the slope that runs fastest (the intercept only follows)."""
        slopes = np.abs(self.step[: len(self.step) - self.score.n_intercepts])
        return FitError(Code.FIT_SEPARATED, int(np.argmax(slopes)) if slopes.size else None)


class _Newton:
    """Counts questions and refusals of one fit."""

    def __init__(self, ask: Callable[[Floats], Score], ridge: float) -> None:
        self.evaluations = 0
        self._refusals = 0
        self._ask = ask
        self._ridge = ridge

    def at(self, beta: Floats, before: _Point | None = None) -> _Point:
        """Ask about `beta`."""
        self.evaluations += 1
        score = self._ask(read_only(beta))
        penalty = _penalty(len(beta), score.n_intercepts, self._ridge)
        gradient = score.g - penalty * beta
        try:
            cholesky = factor(score.H + np.diag(penalty))
        except FitError as error:
            # A design that was regular at an earlier β has not become singular: its weights have vanished.
            if before is not None and error.code is Code.FIT_SINGULAR:
                raise FitError(Code.FIT_SEPARATED, error.coefficient) from error
            raise
        step = cholesky.solve(gradient)
        objective = score.loglik - 0.5 * float(penalty @ beta**2)
        return _Point(beta, score, objective, step, float(gradient @ step), cholesky, before)

    def follow(self, point: _Point) -> _Point:
        """The next point: the full step, shortened when refused or when it went down."""
        length = 1.0
        has_fallen = False
        while self.evaluations < MAX_EVALUATIONS:
            try:
                candidate = self.at(point.beta + length * point.step, point)
            except Refused as refusal:
                self._refusals += 1
                if refusal.code not in _SHORTEN:
                    raise
                if self._refusals > MAX_REFUSALS:
                    if point.is_running_away:
                        raise point.separated() from refusal
                    raise
                length /= 2
                continue
            rounding = max(point.score.loglik_step, candidate.score.loglik_step)
            wanted = ARMIJO * length * point.decrement if has_fallen else 0.0
            if candidate.objective >= point.objective + wanted - rounding:
                return candidate
            has_fallen = True
            length /= 2
        raise point.separated() if point.is_running_away else FitError(Code.FIT_NOT_CONVERGED)


def _penalty(q: int, n_intercepts: int, ridge: float) -> Floats:
    """Diagonal of Λ, shape (q,)."""
    if not 0 <= ridge < np.inf:
        raise ValueError("ridge must be a finite number, 0 or more")
    penalty = np.full(q, float(ridge))
    penalty[q - n_intercepts :] = 0.0
    return penalty
