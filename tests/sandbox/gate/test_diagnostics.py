"""Numbers of a chain against what is known of autoregressive chains, and against definitions written out."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.gate.diagnostics import autocorrelation, effective_size, judge, rhat


def autoregressive(n: int, phi: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    chain = np.empty(n)
    chain[0] = noise[0] / np.sqrt(1 - phi**2)
    for step in range(1, n):
        chain[step] = phi * chain[step - 1] + noise[step]
    return chain


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.8])
def test_autocorrelation_and_effective_size_of_an_autoregressive_chain(phi: float) -> None:
    chain = autoregressive(40_000, phi, 3)
    assert autocorrelation(chain, 1) == pytest.approx(phi, abs=0.02)
    assert autocorrelation(chain, 3) == pytest.approx(phi**3, abs=0.04)
    assert effective_size(chain) / len(chain) == pytest.approx((1 - phi) / (1 + phi), rel=0.15)


def test_rhat_is_that_of_the_book() -> None:
    chains = np.random.default_rng(1).normal(size=(4, 50)) + np.array([0.0, 0.5, 1.0, 1.5])[:, None]
    between = 50 * np.var(chains.mean(axis=1), ddof=1)
    within = np.var(chains, axis=1, ddof=1).mean()
    assert rhat(chains) == pytest.approx(np.sqrt((49 / 50 * within + between / 50) / within))


def test_a_chain_that_still_climbs_is_told_from_one_that_has_settled() -> None:
    settled = autoregressive(200, 0.2, 5)
    climbing = settled + np.linspace(0, 6, 200)
    assert judge(settled, 5).split_rhat < 1.05
    assert abs(judge(settled, 5).drift) < 3
    assert judge(climbing, 5).split_rhat > 1.5
    assert judge(climbing, 5).drift > 5
    assert judge(climbing, 5).autocorrelation > 0.5


@pytest.mark.parametrize("chain", [np.zeros(100), np.full(50, 3.3), np.arange(5.0)])
def test_a_constant_or_short_chain_has_no_numbers(chain: np.ndarray) -> None:
    assert set(judge(chain, 2).as_dict().values()) == {None}
