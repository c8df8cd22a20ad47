"""Numbers of a chain against what is known of autoregressive chains, and against definitions written out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.gate.diagnostics import autocorrelation, effective_size, judge, rank_rhat, rhat

RHATS = json.loads((Path(__file__).parents[2] / "golden" / "rhat.json").read_text(encoding="utf-8"))


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
    assert judge([settled], 5).split_rhat < 1.05
    assert abs(judge([settled], 5).drift) < 3
    assert judge([climbing], 5).split_rhat > 1.5
    assert judge([climbing], 5).drift > 5
    assert judge([climbing], 5).autocorrelation > 0.5


@pytest.mark.parametrize("chain", [np.zeros(100), np.full(50, 3.3), np.arange(5.0), np.zeros(0)])
@pytest.mark.parametrize("n_chains", [1, 4])
def test_constant_or_short_chains_have_no_numbers(chain: np.ndarray, n_chains: int) -> None:
    assert set(judge([chain] * n_chains, 2).as_dict().values()) == {None}


@pytest.mark.parametrize("case", RHATS, ids=[case["name"] for case in RHATS])
def test_rhat_between_chains_is_that_of_mice(case: dict[str, Any]) -> None:
    assert rank_rhat(np.array(case["chains"])) == pytest.approx(case["rhat"], rel=1e-12)


def test_rhat_between_chains_tells_chains_apart_that_sit_or_spread_elsewhere() -> None:
    alike = [autoregressive(60, 0.2, seed) for seed in range(4)]
    assert judge(alike, 5).rhat < 1.1
    assert judge([alike[0] + 3, *alike[1:]], 5).rhat > 1.3
    assert judge([alike[0] * 8, *alike[1:]], 5).rhat > 1.1
    assert judge(alike[:3], 5).rhat is None, "three chains are too few"


def test_rhat_between_chains_is_of_all_sweeps_and_the_rest_of_those_after_burn_in() -> None:
    settled = [np.concatenate([np.linspace(50, 0, 40), autoregressive(60, 0.2, seed)]) for seed in range(4)]
    judged, everything = judge(settled, 5, burn_in=40), judge(settled, 5)
    assert judged.split_rhat < 1.1 < everything.split_rhat
    assert judged.rhat == everything.rhat > 1.1
    # One imputation per chain: nothing comes after the burn-in, and Rhat between the chains is what there is.
    short = judge([chain[:20] for chain in settled], 5, burn_in=19)
    assert (short.split_rhat, short.effective_size, short.drift) == (None, None, None)
    assert short.rhat is not None


def test_numbers_of_several_chains_are_those_of_each_put_together() -> None:
    chains = [autoregressive(50, 0.3, seed) for seed in range(3)]
    together, alone = judge(chains, 2), [judge([chain], 2) for chain in chains]
    assert together.effective_size == pytest.approx(sum(one.effective_size for one in alone))
    assert together.autocorrelation == pytest.approx(np.mean([one.autocorrelation for one in alone]))
    assert together.drift == max((one.drift for one in alone), key=abs)


def test_sweeps_that_a_chain_has_not_made_do_not_count() -> None:
    chains = [autoregressive(40, 0.3, seed) for seed in range(4)]
    longer = [np.append(chains[0], [900.0] * 5), *chains[1:]]
    assert judge(longer, 2) == judge(chains, 2)
