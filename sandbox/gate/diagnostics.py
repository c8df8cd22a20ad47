"""Convergence of chains: what a mice user looks at, from the mean and the variance of the imputed cells after each draw. Pure.

One thinned chain has no Rhat between chains. What is reported of it is labelled as what it is: split-Rhat over the sweeps after burn-in,
effective sample size, autocorrelation at the thinning lag, and z of the first against the last third (methods: "Diagnostics").
Gelman et al., Bayesian Data Analysis (2013), sections 11.4 and 11.5; Geyer (1992) for where the sum of autocorrelations ends.

Of four chains and more there is also the Rhat that `mice::convergence` reports, which is rstan's: rank-normalised, split and folded, over
all sweeps. Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), Bayesian Analysis 16(2), section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Numbers = npt.NDArray[np.float64]

MIN_SWEEPS: Final = 8
"""Below it none of the numbers means anything."""
MAX_AUTOCORRELATION: Final = 0.2
"""At the thinning lag: at .2 the between-imputation variance is 95 % of what it should be, at .4 88 %."""
MAX_RHAT: Final = 1.1
MIN_CHAINS: Final = 4
"""Fewer chains say little about what is between them."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """Numbers of the chains of a quantity; None where they are too short, too few or constant."""

    split_rhat: float | None
    effective_size: float | None
    autocorrelation: float | None
    """At the thinning lag; the mean of the chains'."""
    drift: float | None
    """z of the mean of the first third against that of the last third, of the chain that drifts most."""
    rhat: float | None
    """Between chains, over all sweeps."""

    def as_dict(self) -> dict[str, float | None]:
        """For run.json, rounded to what it is good for."""
        numbers = {
            "split_rhat": self.split_rhat,
            "effective_size": self.effective_size,
            "autocorrelation_at_thinning_lag": self.autocorrelation,
            "z_first_against_last_third": self.drift,
            "rhat_between_chains": self.rhat,
        }
        return {name: None if number is None else round(number, 4) for name, number in numbers.items()}


def judge(chains: Sequence[Numbers], lag: int, burn_in: int = 0) -> Convergence:
    """The numbers of chains of one quantity, each of shape (sweeps,) and thinned by `lag`.

    A chain that keeps one imputation less ends earlier: only the sweeps that all have made count. All numbers but Rhat between the chains
    are of the sweeps after the first `burn_in`.
    """
    n = min(len(chain) for chain in chains)
    everything = np.stack([chain[:n] for chain in chains])
    between = rank_rhat(everything) if len(chains) >= MIN_CHAINS and n >= MIN_SWEEPS and _varies(everything) else None
    settled = everything[:, burn_in:]
    n = settled.shape[1]
    if n < MIN_SWEEPS or not all(_varies(chain) for chain in settled):
        return Convergence(None, None, None, None, between)
    at_lag = float(np.mean([autocorrelation(chain, lag) for chain in settled])) if n >= 2 * lag + 2 else None
    size = sum(effective_size(chain) for chain in settled)
    drifts = [drift for chain in settled if (drift := _drift(chain)) is not None]
    return Convergence(rhat(split(settled)), size, at_lag, max(drifts, key=abs, default=None), between)


def _varies(values: Numbers) -> bool:
    """Whether there is more in them than rounding."""
    return float(np.ptp(values)) > 1e-12 * float(np.abs(values).max())


def _drift(chain: Numbers) -> float | None:
    third = len(chain) // 3
    first, last = chain[:third], chain[-third:]
    error = math.sqrt(_error_of_mean(first) + _error_of_mean(last))
    return (float(last.mean()) - float(first.mean())) / error if error > 0 else None


def _error_of_mean(chain: Numbers) -> float:
    """Squared standard error of the mean of a chain."""
    return float(chain.var(ddof=1)) / effective_size(chain) if float(np.ptp(chain)) > 0 else 0.0


def rhat(chains: Numbers) -> float | None:
    """Potential scale reduction of chains of one quantity, shape (chains, sweeps); None when nothing varies."""
    n = chains.shape[1]
    within = float(chains.var(axis=1, ddof=1).mean())
    between = float(chains.mean(axis=1).var(ddof=1))
    return math.sqrt((n - 1) / n + between / within) if within > 0 else None


def split(chains: Numbers) -> Numbers:
    """The first and the last half of every chain as chains of their own; of an odd number of sweeps the middle one is left out."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def rank_rhat(chains: Numbers) -> float | None:
    """Rhat of ranks, shape (chains, sweeps): the larger of that of the values and that of their distances from the median.

    So neither a chain that sits elsewhere nor one that spreads otherwise goes unseen, and no outlying sweep hides it.
    """
    folded = np.abs(chains - np.median(chains))
    found = [value for values in (chains, folded) if (value := rhat(_normal_scores(split(values)))) is not None]
    return max(found, default=None)


def _normal_scores(chains: Numbers) -> Numbers:
    """The ranks among all values as quantiles of the normal distribution."""
    _, places, counts = np.unique(chains, return_inverse=True, return_counts=True)
    # Equal values share the mean of their ranks.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places].reshape(chains.shape)
    scores: Numbers = ndtri((ranks - 0.5) / chains.size)
    return scores


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
