"""The central module's random numbers are a function of seed, pair and contract."""

from __future__ import annotations

import pytest
from scipy import stats

from sandbox.worker.randomness import Randomness

A, B = "aa" * 32, "bb" * 32


def test_same_job_same_numbers() -> None:
    first, second = Randomness(5, A, B), Randomness(5, A, B)
    assert first.normal(3).tolist() == second.normal(3).tolist()
    assert first.chisquare(7) == second.chisquare(7)
    assert first.uniform(2).tolist() == second.uniform(2).tolist()


@pytest.mark.parametrize("other", [(6, A, B), (5, B, B), (5, A, A), (5, B, A)])
def test_another_seed_pair_or_contract_gives_other_numbers(other: tuple[int, str, str]) -> None:
    assert Randomness(5, A, B).normal(3).tolist() != Randomness(*other).normal(3).tolist()


def test_numbers_have_the_stated_distributions() -> None:
    rng = Randomness(5, A, B)
    assert stats.kstest(rng.normal(4000), stats.norm.cdf).pvalue > 1e-3
    assert stats.kstest(rng.uniform(4000), stats.uniform.cdf).pvalue > 1e-3
    assert stats.kstest([rng.chisquare(5) for _ in range(2000)], stats.chi2(5).cdf).pvalue > 1e-3


def test_the_largest_seed_is_accepted() -> None:
    assert Randomness(2**63 - 1, A, B).normal(1).shape == (1,)
