"""Two states of a binary target's imputed cells differ in no row or in enough of them, in every sum that has them."""

from __future__ import annotations

import mmap
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sandbox.gate.redraws import Redraws
from sandbox.gate.region import Region, RegionFull


def rows_of(masks: np.ndarray, counts: list[int]) -> Any:
    """Patterns of missing targets (1, 2, …) and how many rows have each."""
    return SimpleNamespace(targets=tuple(range(1, masks.shape[1] + 1)), masks=masks, bounds=np.concatenate(([0], np.cumsum(counts))))


def seen(masks: np.ndarray, counts: list[int]) -> list[np.ndarray]:
    """Of the rows that miss target 1, in which sums they are: of all rows, and of those that show each other target."""
    of_row = np.repeat(masks, counts, axis=0)
    of_row = of_row[of_row[:, 0]]
    return [np.ones(len(of_row), dtype=bool), *~of_row[:, 1:].T]


def is_kept(state: np.ndarray, other: np.ndarray, views: list[np.ndarray], fewest: int) -> bool:
    return all(not 0 < int((state ^ other)[view].sum()) < fewest for view in views)


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, list[int], int, list[np.ndarray]]:
    """Patterns, rows of each, the fewest, and states that follow one another: each flips some cells of an earlier one."""
    masks = draw(arrays(bool, (draw(st.integers(1, 5)), draw(st.integers(1, 3)))))
    masks[0, 0] = True
    counts = draw(st.lists(st.integers(1, 40), min_size=len(masks), max_size=len(masks)))
    n = len(seen(masks, counts)[0])
    states = [np.zeros(n, dtype=bool), np.ones(n, dtype=bool)]
    for _ in range(draw(st.integers(1, 12))):
        flipped = draw(st.lists(st.integers(0, n - 1), max_size=min(n, 30)))
        state = states[draw(st.integers(0, len(states) - 1))].copy()
        state[flipped] ^= True
        states.append(state)
    return masks, counts, draw(st.integers(0, 8)), states[2:]


@given(histories())
def test_a_state_is_taken_if_and_only_if_it_is_far_from_every_earlier_one_in_every_sum(history: Any) -> None:
    masks, counts, fewest, states = history
    views = seen(masks, counts)
    redraws = Redraws(rows_of(masks, counts), [1], fewest, len(states), Region(mmap.mmap(-1, 1 << 20)))
    taken = [np.zeros_like(views[0]), np.ones_like(views[0])]
    for state in states:
        expected = all(is_kept(state, other, views, fewest) for other in taken)
        assert redraws.accept(1, state) is expected
        if expected:
            taken.append(state)
    assert all(is_kept(first, second, views, fewest) for first, second in combinations(taken[2:], 2))


@pytest.mark.parametrize("n_changed", [0, 9, 10])
@pytest.mark.parametrize("at", [0, 49_990])
def test_ten_of_many_rows_are_found_wherever_they_are(n_changed: int, at: int) -> None:
    random = np.random.default_rng(1)
    redraws = Redraws(rows_of(np.array([[True]]), [50_000]), [1], 10, 2, Region(mmap.mmap(-1, 1 << 20)))
    state = random.random(50_000) < 0.5
    assert redraws.accept(1, state)
    state[at : at + n_changed] ^= True
    assert redraws.accept(1, state) is (n_changed != 9)


def test_states_live_where_the_rows_are_wiped() -> None:
    memory = mmap.mmap(-1, 1 << 16)
    region = Region(memory)
    redraws = Redraws(rows_of(np.array([[True]]), [640]), [1], 0, 5, region)
    assert redraws.accept(1, np.arange(640) % 2 == 0)
    assert b"\xaa" * 80 in memory[:]
    region.wipe()
    assert not any(memory[:])
    with pytest.raises(RegionFull):
        Redraws(rows_of(np.array([[True]]), [640]), [1], 0, 1000, region)


def test_a_target_that_misses_nothing_has_one_state() -> None:
    redraws = Redraws(rows_of(np.array([[False]]), [30]), [1], 10, 3, Region(mmap.mmap(-1, 1 << 12)))
    assert all(redraws.accept(1, np.zeros(0, dtype=bool)) for _ in range(3))
