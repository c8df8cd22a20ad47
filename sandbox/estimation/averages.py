"""Weighted averages of the participants' own fits (AVGM; Chang et al. 2020): β̂ = Σ n_k β̂_k / N.

Linear: σ² ~ Σ SSE_k / χ²(N − Kq), V = Σ n_k² (X_k'X_k + Λ)⁻¹ / N².
Logistic: V = Σ n_k² (H_k + Λ)⁻¹ / N². A logistic fit of few rows is biased away from 0, and an average keeps that bias: every n_k should
be at least 20 q.
K counts participants with the target observed. Λ is added at each participant, so a ridge counts K times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandbox.errors import Code
from sandbox.estimation.aggregates import SiteFit
from sandbox.estimation.arrays import Floats, read_only
from sandbox.estimation.cholesky import FitError, factor
from sandbox.estimation.fits import Covariance, LinearFit, LogisticFit, Prior, Residuals, linear_fit
from sandbox.estimation.linear import check_prior


def average_least_squares(fits: Sequence[SiteFit], prior: Prior = "flat") -> LinearFit:
    """The average of linear fits.

    Args:
        fits: one per participant, as `sites.each` returns them.
        prior: of σ², for draws.

    Raises:
        FitError: `FIT_TOO_FEW_ROWS` when no participant has rows, or one has no more than q; `FIT_SINGULAR`.
        ValueError: an unknown prior.
    """
    check_prior(prior)
    known, n = _known(fits)
    beta, spread = _average(known, n)
    residuals = Residuals(sum(fit.sse for fit in known), n - len(known) * len(beta), n, prior)
    return linear_fit(beta, spread, residuals, n)


def average_logistic(fits: Sequence[SiteFit]) -> LogisticFit:
    """The average of logistic fits, one per participant. Raises :class:`FitError` as :func:`average_least_squares`."""
    known, n = _known(fits)
    beta, spread = _average(known, n)
    return LogisticFit(read_only(beta), n, 1, spread)


def _known(fits: Sequence[SiteFit]) -> tuple[list[SiteFit], int]:
    known = [fit for fit in fits if fit.n]
    if not known or any(fit.n <= len(fit.beta) for fit in known):
        raise FitError(Code.FIT_TOO_FEW_ROWS)
    return known, sum(fit.n for fit in known)


def _average(fits: Sequence[SiteFit], n: int) -> tuple[Floats, Covariance]:
    q = len(fits[0].beta)
    beta, covariance = np.zeros(q), np.zeros((q, q))
    for fit in fits:
        weight = fit.n / n
        beta += weight * fit.beta
        covariance += weight**2 * factor(fit.information).covariance()
    return beta, Covariance(covariance)
