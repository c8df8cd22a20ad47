"""Least squares from pooled sufficient statistics: β̂ = (X'X + Λ)⁻¹ X'y, SSE = |y − Xβ̂|².

Λ = ridge · I with zeros at the intercepts, in standardised units and never proportional to the number of rows.
"""

from __future__ import annotations

import numpy as np

from sandbox.errors import Code
from sandbox.estimation.aggregates import Gram
from sandbox.estimation.arrays import Floats
from sandbox.estimation.cholesky import Factor, FitError, factor
from sandbox.estimation.fits import LinearFit, Prior, Residuals, linear_fit, penalty


def least_squares(gram: Gram, ridge: float = 0.0, prior: Prior = "flat") -> LinearFit:
    """Least squares from pooled sufficient statistics.

    Args:
        gram: n, X'X (q, q), X'y (q,), y'y.
        ridge: added to the diagonal of X'X except at the intercepts.
        prior: of σ², for draws.

    Raises:
        FitError: `FIT_TOO_FEW_ROWS` unless n > q; `FIT_SINGULAR`.
        ValueError: an unknown prior or a negative ridge.
    """
    check_prior(prior)
    beta, cholesky, sse = solve(gram, ridge)
    return linear_fit(beta, cholesky, Residuals(sse, gram.n - len(beta), gram.n, prior), gram.n)


def solve(gram: Gram, ridge: float) -> tuple[Floats, Factor, float]:
    """β̂ (q,), the factor of X'X + Λ, and SSE. Raises as :func:`least_squares`."""
    q = len(gram.Xy)
    if gram.n <= q:
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    cholesky = factor(gram.XX + np.diag(penalty(q, gram.n_intercepts, ridge)))
    beta = cholesky.solve(gram.Xy)
    # A perfect fit leaves a difference of rounding errors, which may be negative; σ = 0 is then the right answer.
    sse = max(float(gram.yy - 2.0 * (beta @ gram.Xy) + beta @ gram.XX @ beta), 0.0)
    return beta, cholesky, sse


def check_prior(prior: str) -> None:
    """Raise :class:`ValueError` for a prior that does not exist."""
    if prior not in ("flat", "published"):
        raise ValueError("prior must be 'flat' or 'published'")
