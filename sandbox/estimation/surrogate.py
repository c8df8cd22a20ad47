"""One-step surrogate likelihood around central's own fit (CSL; Jordan, Lee, Yang 2019).

Central fits its own n₁ rows (β₁), every participant sends its gradient g_k at β₁, and central maximises

    loglik₁(β)/n₁ + c'β − |β|²_Λ/(2N),   c = Σ g_k(β₁)/N − g₁(β₁)/n₁,

with its own rows alone. Gradients count by rows: a sum of mean gradients, each site counting the same, is worse than ignoring the sites.
Linear: σ² ~ SSE₁/χ²(n₁ − q), from central's own fit. V = (n₁/N) times central's inverse information, which assumes that the sites' rows
look like central's (H₁/n₁ ≈ H/N). One step, never more: where that assumption fails, further steps may diverge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sandbox.errors import Code
from sandbox.estimation.aggregates import Gradient, Gram, Score
from sandbox.estimation.arrays import Floats
from sandbox.estimation.cholesky import FitError, factor
from sandbox.estimation.fits import LinearFit, LogisticFit, Scaled, linear_fit, penalty
from sandbox.estimation.logistic import DECREMENT, logistic


def surrogate_least_squares(gram: Gram, local: LinearFit, gradients: Sequence[Gradient], ridge: float = 0.0) -> LinearFit:
    """The linear fit of all participants from central's Gram and everybody's gradient.

    Args:
        gram: central's own.
        local: central's own fit to it, whose β the gradients were asked at; σ² is drawn from its residuals.
        gradients: one per participant, central first, as `sites.each` returns them.
        ridge: as for `least_squares`, of the fit to all rows.

    Raises:
        FitError: `FIT_TOO_FEW_ROWS`, `FIT_SINGULAR`: central's own rows do not carry a fit.
    """
    tilt, n = _tilt(gradients, gram.n)
    scale = n / gram.n
    spread = factor(scale * gram.XX + np.diag(penalty(len(gram.Xy), gram.n_intercepts, ridge)))
    return linear_fit(spread.solve(scale * (gram.Xy + tilt)), spread, local.residuals, n)


def surrogate_logistic(
    ask: Callable[[Floats], Score],
    local: LogisticFit,
    gradients: Sequence[Gradient],
    ridge: float = 0.0,
    tolerance: float = DECREMENT,
) -> LogisticFit:
    """The logistic fit of all participants from central's own scores and everybody's gradient.

    Args:
        ask: central's score at a β of shape (q,); costs no round trip.
        local: central's own fit, whose β the gradients were asked at.
        gradients: one per participant, central first, as `sites.each` returns them.
        ridge: as for `logistic`, of the fit to all rows.
        tolerance: Newton decrement at which to stop.

    Raises:
        FitError: as `logistic`, for central's own rows.
    """
    tilt, n = _tilt(gradients, local.n)
    share = local.n / n
    fit = logistic(ask, local.beta, ridge * share, tolerance, tilt)
    return LogisticFit(fit.beta, n, fit.evaluations + local.evaluations + 1, Scaled(fit.spread, share))


def _tilt(gradients: Sequence[Gradient], n_central: int) -> tuple[Floats, int]:
    """n₁ c, shape (q,), and N."""
    n = sum(gradient.n for gradient in gradients)
    if not gradients or gradients[0].n != n_central or not n_central:
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    pooled: Floats = np.sum([gradient.g for gradient in gradients], axis=0)
    return n_central * pooled / n - gradients[0].g, n
