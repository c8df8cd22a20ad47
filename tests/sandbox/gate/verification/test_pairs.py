"""Pairs of numbers that are one but for a few rows, in one message and over a job."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.gate.verification import Pairs
from sandbox.gate.verification.pairs import MAX_PAIRS

SIZES = np.ones(200)


def pairs(limit: int = 5, seed: int = 0) -> Pairs:
    return Pairs(SIZES, limit, np.random.default_rng(seed))


def random_columns(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(200, n))


def found(breaches) -> list[float]:
    assert {breach.rule for breach in breaches} <= {"span"}
    return [breach.found for breach in breaches]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 199), min_size=1, max_size=4, unique=True),
    st.floats(-5, 5).filter(lambda x: abs(x) > 0.1),
    st.floats(-10, 10),
    st.floats(1e-4, 10),
)
def test_a_multiple_with_a_constant_that_differs_on_less_than_five_rows_is_found(
    seed: int, rows: list[int], multiple: float, constant: float, by: float
) -> None:
    blocks = random_columns(60, seed)
    blocks[:, 41] = multiple * blocks[:, 17] + constant
    blocks[rows, 41] += by
    assert found(pairs(seed=seed).check(blocks)) == [len(rows)]


def test_five_rows_are_enough_and_unrelated_numbers_are_no_pairs() -> None:
    blocks = random_columns(300)
    blocks[:, 41] = blocks[:, 17]
    blocks[:5, 41] += 1.0
    assert found(pairs().check(blocks)) == []


def test_any_earlier_number_of_the_job_takes_part() -> None:
    judge = pairs()
    for seed in range(30):
        assert found(judge.check(random_columns(20, seed))) == []
        judge.accept()
    later = random_columns(20, 3)
    assert found(judge.check(later)) == []
    judge.accept()
    later[7, 4] += 0.5
    assert found(judge.check(later)) == [1]
    # What was refused did not leave: it takes no part.
    assert found(judge.check(random_columns(20, 3))) == []


def test_what_did_not_leave_takes_no_part() -> None:
    judge, first = pairs(), random_columns(5)
    judge.check(first)
    second = first.copy()
    second[7, 4] += 0.5
    assert found(judge.check(second)) == []


def test_more_pairs_that_agree_than_can_be_judged_are_refused() -> None:
    blocks = random_columns(1, 0) + 1e-12 * random_columns(400)
    n_pairs = 400 * 399 // 2
    assert n_pairs > MAX_PAIRS
    assert found(pairs().check(blocks)) == [0]


@pytest.mark.parametrize("n_blocks", [20, 50, 512])
def test_few_blocks_with_values_that_repeat_raise_no_alarm(n_blocks: int) -> None:
    random = np.random.default_rng(n_blocks)
    for _ in range(20):
        levels = random.integers(0, 3, size=(n_blocks, 12)).astype(float)
        judge = Pairs(np.ones(n_blocks), 3, random)
        kept = [j for j in range(12) if len(np.unique(levels[:, j])) == 3 and np.unique(levels[:, j], return_counts=True)[1].min() >= 3]
        pairs_apart = [
            min(np.count_nonzero(a - c * b - k) for c in (1, -1, 0.5, -0.5, 2, -2) for k in (-2, -1, 0, 1, 2, 3))
            for i, a in enumerate(levels[:, kept].T)
            for b in levels[:, kept].T[:i]
        ]
        assert bool(found(judge.check(levels[:, kept]))) <= (min(pairs_apart, default=9) < 3)
