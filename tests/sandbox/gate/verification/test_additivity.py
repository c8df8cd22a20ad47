"""Sums and counts at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from policies import built_in
from sandbox.gate.verification import check_additive, check_counts

DEFAULT = built_in("default")
SIZES = np.full(50, 2.0)
FLOATS = st.floats(-1e6, 1e6).map(lambda x: 0.0 if abs(x) < 1e-20 else x)


def rules(breaches) -> list[str]:
    return [breach.rule for breach in breaches]


@given(arrays(np.float64, (50, 3), elements=FLOATS), st.permutations(range(50)))
def test_a_sum_in_any_order_is_a_sum(blocks: np.ndarray, order: list[int]) -> None:
    assert check_additive(blocks[order].sum(axis=0), blocks) == []


@given(arrays(np.float64, (50, 3), elements=FLOATS), st.integers(0, 2), st.floats(1e-10, 1e3), st.sampled_from([-1, 1]))
def test_a_difference_beyond_rounding_is_found(blocks: np.ndarray, column: int, share: float, sign: int) -> None:
    whole = blocks.sum(axis=0)
    whole[column] += sign * (share * np.abs(blocks[:, column]).sum() + 1e-9)
    (breach,) = check_additive(whole, blocks)
    assert (breach.rule, breach.found) == ("additive", 1)


def test_the_tolerance_is_eleven_digits_of_the_absolute_contributions() -> None:
    blocks = np.tile([[1.0], [-1.0]], (25, 1))
    assert check_additive(np.array([0.9e-11 * 50]), blocks) == []
    assert rules(check_additive(np.array([1.1e-11 * 50]), blocks)) == ["additive"]


def test_a_sum_that_is_zero_everywhere_is_a_sum_and_a_zero_out_of_nothing_is_not() -> None:
    assert check_additive(np.zeros(2), np.zeros((50, 2))) == []
    assert rules(check_additive(np.array([1e-300]), np.zeros((50, 1)))) == ["additive"]


def count(blocks: list[float], whole: float | None = None) -> list[str]:
    column = np.zeros(50)
    column[: len(blocks)] = blocks
    return rules(check_counts(np.array([column.sum() if whole is None else whole]), column[:, None], SIZES, DEFAULT))


@pytest.mark.parametrize(
    ("blocks", "broken"),
    [
        ([], []),
        ([2.0] * 50, []),
        ([1.0] * 5, []),
        ([1.0] * 4, ["cell_cross"]),
        ([2.0] * 47 + [1.0], []),
        ([2.0] * 48, ["cell_cross"]),
        ([3.0, 1.0, 1.0], ["additive"]),
        ([-1.0, 2.0, 2.0, 2.0], ["additive"]),
        ([0.5, 1.5, 2.0, 2.0], ["additive"]),
        ([float("nan")], ["additive"]),
    ],
)
def test_a_count_is_of_rows_and_of_enough_or_none_and_leaves_out_enough_or_none(blocks: list[float], broken: list[str]) -> None:
    assert count(blocks) == broken


def test_a_count_is_exact() -> None:
    assert count([1.0] * 20, whole=20.0 + 1e-12) == ["additive"]
    assert count([1.0] * 20, whole=25.0) == ["additive"]
