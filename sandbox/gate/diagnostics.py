"""Convergence of a chain: what a mice user looks at, from the mean and the variance of the imputed cells after each draw. Pure.

One thinned chain has no Rhat between chains. What is reported of it is labelled as what it is: split-Rhat over the sweeps after burn-in,
effective sample size, autocorrelation at the thinning lag, and z of the first against the last third (methods: "Diagnostics").
Gelman et al., Bayesian Data Analysis (2013), sections 11.4 and 11.5; Geyer (1992) for where the sum of autocorrelations ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

MIN_SWEEPS: Final = 8
"""Below it none of the numbers means anything."""
MAX_AUTOCORRELATION: Final = 0.2
"""At the thinning lag: at .2 the between-imputation variance is 95 % of what it should be, at .4 88 %."""
MAX_RHAT: Final = 1.1


@dataclass(frozen=True, slots=True)
class Convergence:
    """Numbers of one chain after burn-in; None where it is too short or constant."""

    split_rhat: float | None
    effective_size: float | None
    autocorrelation: float | None
    """At the thinning lag."""
    drift: float | None
    """z of the mean of the first third against that of the last third."""

    def as_dict(self) -> dict[str, float | None]:
        """For run.json, rounded to what it is good for."""
        numbers = {
            "split_rhat": self.split_rhat,
            "effective_size": self.effective_size,
            "autocorrelation_at_thinning_lag": self.autocorrelation,
            "z_first_against_last_third": self.drift,
        }
        return {name: None if number is None else round(number, 4) for name, number in numbers.items()}


def judge(chain: Numbers, lag: int) -> Convergence:
    """The numbers of a chain, shape (sweeps,), thinned by `lag`."""
    n = len(chain)
    if n < MIN_SWEEPS or not float(np.ptp(chain)) > 1e-12 * float(np.abs(chain).max()):
        return Convergence(None, None, None, None)
    half, third = n // 2, n // 3
    at_lag = autocorrelation(chain, lag) if n >= 2 * lag + 2 else None
    first, last = chain[:third], chain[-third:]
    error = math.sqrt(_error_of_mean(first) + _error_of_mean(last))
    drift = (float(last.mean()) - float(first.mean())) / error if error > 0 else None
    return Convergence(rhat(np.stack([chain[:half], chain[-half:]])), effective_size(chain), at_lag, drift)


def _error_of_mean(chain: Numbers) -> float:
    """Squared standard error of the mean of a chain."""
    return float(chain.var(ddof=1)) / effective_size(chain) if float(np.ptp(chain)) > 0 else 0.0


def rhat(chains: Numbers) -> float | None:
    """Potential scale reduction of chains of one quantity, shape (chains, sweeps); None when nothing varies."""
    n = chains.shape[1]
    within = float(chains.var(axis=1, ddof=1).mean())
    between = float(chains.mean(axis=1).var(ddof=1))
    return math.sqrt((n - 1) / n + between / within) if within > 0 else None


def autocorrelation(chain: Numbers, lag: int) -> float:
    """Autocorrelation at `lag` about the mean of the whole chain, shape (sweeps,)."""
    centred = chain - chain.mean()
    return float(centred[: len(chain) - lag] @ centred[lag:] / (centred @ centred))


def effective_size(chain: Numbers) -> float:
    """How many independent draws the chain is worth, shape (sweeps,): autocorrelations are added in pairs while the pairs are positive."""
    total = 0.0
    for lag in range(0, len(chain) - 1, 2):
        pair = autocorrelation(chain, lag) + autocorrelation(chain, lag + 1)
        if pair <= 0:
            break
        total += pair
    return len(chain) / max(2.0 * total - 1.0, 1.0 / len(chain))
