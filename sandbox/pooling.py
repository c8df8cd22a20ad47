"""Rubin's rules: one estimate and its uncertainty from the analyses of M imputed data sets. Pure; for authors, diagnostics and tests.

Names are those of mice's `pool()` (van Buuren 2018, §2.3): `estimate`, `ubar`, `b`, `t`, `dfcom`, `df`, `riv`, `lambda_`, `fmi`.
It takes the place of no analysis: the estimate and its variance in each data set are the caller's. One difference: mice takes `lambda` as
1e-4 at least, here it is what it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pooled:
    """A scalar, pooled over M imputations (Rubin 1987; Barnard and Rubin 1999)."""

    m: int
    """Imputations."""
    estimate: float
    """Mean of the estimates."""
    ubar: float
    """Mean of their variances: what would be left with complete data."""
    b: float
    """Variance of the estimates (divisor M − 1): what the missing data add."""
    t: float
    """Total variance ubar + (1 + 1/M) b."""
    dfcom: float
    """Degrees of freedom of the analysis of complete data; infinite when there is no such number."""
    df: float
    """Degrees of freedom for tests and intervals of the pooled estimate."""
    riv: float
    """Relative increase in variance (1 + 1/M) b / ubar."""
    lambda_: float
    """Share of the total variance that is due to missing data."""
    fmi: float
    """Fraction of missing information: `lambda_`, corrected for the finite M."""

    @property
    def standard_error(self) -> float:
        """√t."""
        return math.sqrt(self.t)


def pool(estimates: Sequence[float], variances: Sequence[float], dfcom: float = math.inf) -> Pooled:
    """Pool M estimates and their variances.

    Args:
        estimates: one per imputation.
        variances: squared standard errors, in the same order.
        dfcom: degrees of freedom of the analysis of complete data (n − k for a regression), for the small-sample correction.

    Raises:
        ValueError: fewer than two imputations, lengths that differ, a negative variance, a number that is not finite, or dfcom ≤ 0.
    """
    m = len(estimates)
    if m < 2 or len(variances) != m:
        raise ValueError("pooling needs two imputations or more, each with an estimate and a variance")
    if not all(map(math.isfinite, [*estimates, *variances])) or min(variances) < 0 or not dfcom > 0:
        raise ValueError("estimates and variances must be finite, variances 0 or more, dfcom above 0")
    estimate = math.fsum(estimates) / m
    ubar = math.fsum(variances) / m
    b = math.fsum((value - estimate) ** 2 for value in estimates) / (m - 1)
    between = (1 + 1 / m) * b
    t = ubar + between
    lambda_ = between / t if t > 0 else 0.0
    riv = between / ubar if ubar > 0 else (math.inf if between > 0 else 0.0)
    df = _barnard_rubin(m, lambda_, dfcom)
    correction = 2 / (df + 3) if math.isfinite(df) else 0.0
    fmi = (riv + correction) / (1 + riv) if math.isfinite(riv) else 1.0
    return Pooled(m, estimate, ubar, b, t, dfcom, df, riv, lambda_, fmi)


def _barnard_rubin(m: int, lambda_: float, dfcom: float) -> float:
    """Barnard and Rubin's degrees of freedom: Rubin's (M − 1)/λ², made no larger than the observed data allow."""
    old = (m - 1) / lambda_**2 if lambda_ > 0 else math.inf
    if math.isinf(dfcom):
        return old
    observed = (dfcom + 1) / (dfcom + 3) * dfcom * (1 - lambda_)
    if math.isinf(old):
        return observed
    return old * observed / (old + observed)
