"""How many rows have each combination of levels, against counting them one by one."""

from __future__ import annotations

from mmap import mmap

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sandbox.contract import Column, Contract
from sandbox.gate.combinations import DIGITS_AT_ONCE, combinations
from sandbox.gate.dataset import Dataset
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles


def laid_out(values: np.ndarray, n_targets: int) -> Rows:
    """The first columns are targets, which may miss cells."""
    region = Region(mmap(-1, 1 << 22))
    columns = [Column(f"c{number}", "target" if number < n_targets else "predictor", None) for number in range(values.shape[1])]
    tiles = Tiles(region, values.shape[1] + 1)
    tiles.append(values)
    dataset = Dataset(Contract(tuple(columns)), {number + 1: number for number in range(values.shape[1])}, tiles)
    return Rows(dataset, np.arange(len(values)), find_patterns(np.isnan(values[:, :n_targets])), region, np.array([1.0]))


def counted(values: np.ndarray, *, with_target: bool) -> tuple[list[int], list[int]]:
    """Columns with levels (1-based) and the size of each row's combination, in order of size, for a target in the first column."""
    shown = values if with_target else values[~np.isnan(values[:, 0])]
    first = [("missing" if cell != cell else cell) for cell in shown[:, 0]]
    if len(set(first) - {"missing"}) > 3 or len(set(first) - {"missing"}) < 2:
        first = [("missing" if cell == "missing" else "shown") for cell in first]
    columns = {1: first} if with_target and len(set(first)) > 1 else {}
    for place in range(1, values.shape[1]):
        cells = ["missing" if cell != cell else cell for cell in shown[:, place]]
        if len(set(cells) - {"missing"}) in (2, 3):
            columns[place + 1] = cells
    always = [place for place, cells in columns.items() if place == 1 or "missing" not in cells]
    sizes = []
    for row in range(len(shown)):
        is_complete = all(columns[place][row] != "missing" for place in columns if place != 1)
        best = len(shown)
        for chosen in (always, list(columns)) if is_complete else (always,):
            alike = [r for r in range(len(shown)) if all(columns[place][r] == columns[place][row] for place in chosen)]
            best = min(best, len(alike)) if len(chosen) >= 3 else best
        sizes.append(best)
    return [*(place for place in columns if place != 1), *(place for place in columns if place == 1)], sorted(sizes)


@given(
    seed=st.integers(0, 10**6),
    n_rows=st.integers(1, 60),
    kinds=st.lists(st.sampled_from([1, 2, 3, 4, 50]), min_size=2, max_size=6),
    with_target=st.booleans(),
)
def test_combinations_are_those_that_one_counts_row_by_row(seed: int, n_rows: int, kinds: list[int], with_target: bool) -> None:
    random = np.random.default_rng(seed)
    values = np.column_stack([random.integers(0, kind, n_rows) * 1.5 - 1 for kind in kinds])
    for target in range(2):
        values[random.random(n_rows) < 0.2, target] = np.nan
    found = combinations(laid_out(values, 2), 1, with_target=with_target)
    columns, counts = counted(values, with_target=with_target)
    assert (list(found.columns), sorted(found.sizes.tolist())) == (columns, counts)


def test_more_columns_than_one_number_holds_are_told_apart() -> None:
    # Rows that differ in one column only, the first or the last of very many.
    n_columns = 5 * DIGITS_AT_ONCE
    values = np.zeros((2 * n_columns + 40, n_columns + 1))
    for column in range(n_columns):
        values[2 * column : 2 * column + 2, column + 1] = 1
    found = combinations(laid_out(values, 1), 1, with_target=False)
    assert sorted(found.sizes.tolist()) == [2] * 2 * n_columns + [40] * 40


def test_only_rows_of_small_combinations_of_three_columns_and_more_are_counted() -> None:
    values = np.zeros((50, 4))
    values[:20, 1:] = 1
    values[20:23, 1] = 1
    values[23, 2] = 1
    assert combinations(laid_out(values, 1), 1, with_target=False).n_in_small(4) == 4
    assert combinations(laid_out(values, 1), 1, with_target=False).n_in_small(3) == 1
    assert combinations(laid_out(values, 1), 1, with_target=False).n_in_small(1) == 0
    # Of two columns their own table says it.
    assert combinations(laid_out(values[:, :3], 1), 1, with_target=False).n_in_small(4) == 0
