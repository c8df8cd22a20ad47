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

from sandbox.gate.redraws import ROWS_AT_ONCE, Redraws, is_own
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


def completed(design: np.ndarray, n_parts: int = 3) -> Any:
    """Rows that miss target 1, which stands first in their design."""
    parts = [SimpleNamespace(design=piece) for piece in np.array_split(design, n_parts)]
    return SimpleNamespace(p=design.shape[1], position=lambda _: 0, parts=lambda *_, **__: parts)


def unexplained(design: np.ndarray) -> float:
    """By a decomposition of the rows themselves."""
    rest = design[:, 1:] - design[0, 1:] + np.append(np.zeros(design.shape[1] - 2), 1.0)
    scale = np.linalg.norm(rest, axis=0)
    rest = rest / np.where(scale > 0, scale, 1.0)
    return float(np.sum((design[:, 0] - rest @ np.linalg.lstsq(rest, design[:, 0], rcond=1e-10)[0]) ** 2))


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e8])
@pytest.mark.parametrize("kind", ["ordinary", "levels", "constant", "scale"])
def test_what_other_columns_leave_of_a_draw_is_that_of_their_least_squares(kind: str, offset: float) -> None:
    random = np.random.default_rng(3)
    n = 300
    is_one = random.random(n) < 0.4
    columns = random.normal(size=(n, 5))
    if kind == "levels":
        columns[:, :4] = np.eye(4)[random.integers(0, 4, n)]
    if kind == "constant":
        columns[:, 2] = 0.0
    if kind == "scale":
        columns *= [1e-6, 1, 1e3, 1e6, 1]
    design = np.column_stack([is_one, columns + offset * np.abs(columns).max(axis=0), np.ones(n)])
    view = random.random(n) < 0.7
    left = unexplained(design[view])
    assert is_own(completed(design), 1, view, 0.999 * left)
    assert not is_own(completed(design), 1, view, 1.001 * left)


@pytest.mark.parametrize("of", ["a column", "a sum of columns", "its opposite"])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_a_copy_is_found_among_many_rows_and_behind_an_offset(of: str, offset: float) -> None:
    random = np.random.default_rng(4)
    n = 3 * ROWS_AT_ONCE
    levels = np.eye(3)[random.integers(0, 3, n)]
    copy = {"a column": levels[:, 0], "a sum of columns": levels[:, 0] + levels[:, 1], "its opposite": 1 - levels[:, 0]}[of]
    flipped = random.choice(n, 9, replace=False)
    copy[flipped] = 1 - copy[flipped]
    design = np.column_stack([copy, levels + offset, random.normal(size=n), np.ones(n)])
    everybody = np.ones(n, dtype=bool)
    assert not is_own(completed(design), 1, everybody, 10)
    design[:, 0] = random.random(n) < 0.5
    assert is_own(completed(design), 1, everybody, 10)


def test_a_rare_value_of_many_rows_is_looked_for_in_all_of_them() -> None:
    n = 10 * ROWS_AT_ONCE
    design = np.column_stack([np.zeros(n), np.random.default_rng(5).normal(size=n), np.ones(n)])
    design[ROWS_AT_ONCE :: ROWS_AT_ONCE // 2, 0] = 1.0
    everybody = np.ones(n, dtype=bool)
    assert is_own(completed(design), 1, everybody, 17)
    assert not is_own(completed(design), 1, everybody, 19)


def test_rows_of_no_sum_need_no_draw_of_their_own() -> None:
    design = np.ones((10, 3))
    assert is_own(completed(design), 1, np.zeros(10, dtype=bool), 10)
    assert not is_own(completed(design), 1, np.ones(10, dtype=bool), 1e-3)
