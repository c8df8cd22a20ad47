"""What fits are made from: frozen records, of one participant or added up over all.

The kinds are those of `sandbox.manifest.PARTS`. q = coefficients of the target's design: predictors and other targets in file order, then
`central_intercept` if the job has it, then the intercept. Everything is in standardised units.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.estimation.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Gram:
    """Sums of squares and products over the rows that take part with the target observed."""

    n: int
    """Rows."""
    XX: Floats
    """X'X, shape (q, q)."""
    Xy: Floats
    """X'y, shape (q,)."""
    yy: float
    """y'y."""
    n_intercepts: int = 1
    """Last columns of the design that are intercepts; a ridge leaves them alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Log likelihood of a logistic regression at the β that was asked about, with its first two derivatives."""

    n: int
    """Rows."""
    H: Floats
    """Information Σ p(1−p) x x', shape (q, q)."""
    g: Floats
    """Gradient Σ (y − p) x, shape (q,)."""
    loglik: float
    loglik_step: float
    """Rounding of `loglik`: differences below it mean nothing."""
    n_intercepts: int = 1
    """As in :class:`Gram`."""


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """Gradient Σ (y − μ) x of a log likelihood at the β that was asked about; μ = Xβ (continuous target) or 1/(1 + exp(−Xβ))."""

    n: int
    """Rows."""
    g: Floats
    """Shape (q,)."""
    n_intercepts: int = 1
    """As in :class:`Gram`."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteFit:
    """A participant's fit to its own rows. Fits do not add up: ask each."""

    n: int
    """Rows; 0 when the target is never observed there, and then everything else is 0."""
    beta: Floats
    """β̂, shape (q,)."""
    information: Floats
    """X'X + Λ (continuous target) or H + Λ at β̂ (binary target), shape (q, q)."""
    sse: float
    """|y − Xβ̂|²; 0 for a binary target."""
    n_intercepts: int = 1
    """As in :class:`Gram`."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Where the sums of a participant's own rows have their root, as its gate verified it (kind `estimate`). Estimates do not add up."""

    beta: Floats
    """β̂, shape (q,)."""
    information: Floats
    """Minus the derivative of the sums at β̂, shape (q, q)."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectionScore:
    """Log likelihood of a selection model at the θ that was asked about, with its first two derivatives; see `selection`."""

    n: int
    """Rows."""
    n_selected: int
    """Rows with the target observed."""
    H: Floats
    """Observed information (minus the second derivative), shape (t, t), t = 2q + 1. Not positive definite everywhere."""
    g: Floats
    """Gradient, shape (t,)."""
    loglik: float
    loglik_step: float
    """Rounding of `loglik`: differences below it mean nothing."""
    n_intercepts: int = 1
    """As in :class:`Gram`."""
