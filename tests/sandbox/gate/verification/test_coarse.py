"""How coarse sums of unreviewed code are."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import coarse_step, exact_step
from sandbox.gate.verification.contributions import RELEASE_GRID, TAU
from tests.sandbox.gate.verification.played import Site, moments

RESEARCH = built_in("research")


@pytest.mark.parametrize("n", [200, 5000, 100_000])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_the_step_is_a_power_of_two_of_the_spread_of_rows_however_many_a_block_has(n: int, offset: float) -> None:
    site = Site(np.random.default_rng(n).normal(size=(n, 1)) + offset)
    (step,) = coarse_step(site.run(lambda rows: rows.sum(axis=0)).blocks, site.sizes, RESEARCH)
    target = RESEARCH.coarse_grid * np.sqrt(n)
    assert np.log2(step) == np.floor(np.log2(step))
    assert 0.4 * target < step < 1.2 * target


def test_a_constant_is_rounded_as_exact_sums_are() -> None:
    sizes = np.full(100, 2.0)
    (step,) = coarse_step(3.0 * sizes[:, None], sizes, RESEARCH)
    assert 0 < step <= RELEASE_GRID * 600


def test_no_number_is_released_finer_than_the_exact_grid() -> None:
    site = Site(np.random.default_rng(0).normal(size=(400, 4)) + 1e9)
    answer = site.run(moments)
    step = coarse_step(answer.blocks, site.sizes, RESEARCH)
    assert (step >= RESEARCH.gram_grid * np.abs(answer.blocks).sum(axis=0) / 2).all()


def test_what_may_differ_between_two_workers_is_below_every_release_grid() -> None:
    site = Site(np.random.default_rng(0).normal(size=(400, 4)))
    answer = site.run(moments)
    for policy in (RESEARCH, built_in("default")):
        assert (exact_step(answer.blocks, policy) >= 8 * TAU * np.abs(answer.blocks).sum(axis=0)).all()
