"""Copies of numbers, and the blocks that rows lie in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.gate.verification.contributions import CROWDING, distinct, fewest_blocks, residuals

SIZES = np.array([3.0] * 30 + [2.0] * 70)


def columns(seed: int, n: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(100, n))


def n_distinct(blocks: np.ndarray) -> int:
    return len(distinct(blocks, SIZES, np.random.default_rng(5)))


@settings(max_examples=30)
@given(
    st.integers(0, 10**6),
    st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 0.1),  # a multiple far below the constant is lost in its rounding
    st.floats(-1e3, 1e3).map(lambda x: x if abs(x) > 1e-9 else 0.0),
)
def test_multiples_constants_and_both_added_up_are_copies(seed: int, multiple: float, constant: float) -> None:
    blocks = columns(seed)
    copies = multiple * blocks + constant * SIZES[:, None]
    assert n_distinct(np.concatenate([blocks, copies], axis=1)) == 6
    assert n_distinct(np.stack([SIZES, 0 * SIZES, constant * SIZES], axis=1)) == 0


def test_the_other_half_of_a_symmetric_matrix_is_a_copy_also_when_it_was_rounded_otherwise() -> None:
    rows = columns(1)
    blocks = np.einsum("ij,ik->ijk", rows, rows).reshape(100, -1)
    blocks *= 1 + 1e-15 * np.random.default_rng(2).normal(size=blocks.shape)
    assert n_distinct(blocks) == 21


def test_numbers_that_differ_in_one_block_are_no_copies() -> None:
    blocks = np.repeat(columns(1, 1), 2, axis=1)
    for by, n_numbers in ((1.0, 2), (5e-9, 2), (1e-10, 1)):
        blocks[50, 1] = blocks[50, 0] + by
        assert n_distinct(blocks) == n_numbers


def test_residuals_are_least_squares_on_the_blocks_asked_for() -> None:
    blocks, some = columns(3, 4), np.arange(20, 60)
    left, _ = residuals(blocks[:, :2], blocks[:, 2:], SIZES, some)
    for number in range(2):
        design = np.column_stack([blocks[:, 2 + number], SIZES])
        solution = np.linalg.lstsq(design[some], blocks[some, number])[0]
        np.testing.assert_allclose(left[:, number], blocks[:, number] - design @ solution, atol=1e-12)


@pytest.mark.parametrize(("n_rows", "n_blocks"), [(3, 512), (5, 512), (10, 512), (13, 512), (51, 512)])
def test_honest_rows_seldom_lie_in_fewer_blocks(n_rows: int, n_blocks: int) -> None:
    random, sizes = np.random.default_rng(0), np.full(n_blocks, 10.0)
    fewest = fewest_blocks(n_rows, sizes)
    used = np.array([len(np.unique(random.choice(n_blocks * 10, n_rows, replace=False) // 10)) for _ in range(20_000)])
    assert np.mean(used < fewest) <= 1.5 * CROWDING
    assert np.mean(used < fewest + 1) >= 0.5 * CROWDING
    assert fewest_blocks(n_rows, np.ones(n_blocks)) == n_rows
