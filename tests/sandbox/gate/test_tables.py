"""Tables of people: which columns have one, and every cell that holds too few."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import Policy, built_in
from sandbox.gate.tables import Cell, Tables

DEFAULT = built_in("default")


def everybody(n: int) -> np.ndarray:
    return np.ones(n, dtype=bool)


def small_cells(tables: Tables, rows: np.ndarray, policy: Policy = DEFAULT) -> list[Cell]:
    return list(tables.small_cells(tables.counts(rows), policy))


def test_columns_of_two_or_three_values_have_a_table_whatever_the_values_are() -> None:
    n = 60
    columns = {
        1: np.full(n, 7.0),
        2: np.where(np.arange(n) % 2, -1.5, 1e6),
        3: np.arange(n) % 3.0,
        4: np.arange(n) % 4.0,
        5: np.full(n, np.nan),
        6: np.where(np.arange(n) < 20, np.nan, np.arange(n) % 2.0),
    }
    assert Tables(columns).columns == {2, 3, 6}


def test_a_small_level_and_a_small_cell_are_found_and_empty_ones_are_none() -> None:
    first = np.repeat([0.0, 1.0], [51, 9])
    second = np.concatenate([np.repeat([0.0, 1.0], [4, 47]), np.zeros(9)])
    cells = [(cell.column, cell.other, cell.breach.found) for cell in small_cells(Tables({1: first, 2: second}), everybody(60))]
    assert cells == [(1, 0, 9), (1, 2, 4)]


def test_people_are_counted_on_observed_cells_of_the_rows_in_question() -> None:
    values = np.repeat([0.0, 1.0, np.nan], [30, 30, 40])
    tables = Tables({1: values})
    assert (small_cells(tables, everybody(100))) == []
    rows = np.arange(100) < 33
    assert [cell.breach.found for cell in small_cells(tables, rows)] == [3]


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_counts_are_those_of_a_plain_loop(seed: int, width: int) -> None:
    random = np.random.default_rng(seed)
    columns = {index: np.where(random.random(80) < 0.1, np.nan, random.integers(0, 3, 80)).astype(float) for index in range(1, width + 1)}
    rows = random.random(80) < 0.6
    policy = msgspec.structs.replace(DEFAULT, min_cell_column=1000, min_cell_cross=1000)
    found = {(cell.column, cell.other): 0 for cell in small_cells(Tables(columns), rows, policy)}
    total = sum(cell.breach.found for cell in small_cells(Tables(columns), rows, policy) if cell.other)
    levels = {index: set(values[~np.isnan(values)]) for index, values in columns.items()}
    wanted = 0
    for a, b in itertools.combinations(columns, 2):
        pairs = [int(((columns[a] == x) & (columns[b] == y) & rows).sum()) for x in levels[a] for y in levels[b]]
        wanted += sum(pairs)
        assert ((a, b) in found) == any(pairs)
    assert total == wanted


def test_no_columns_no_cells() -> None:
    assert (small_cells(Tables({}), everybody(0))) == []
    assert (small_cells(Tables({1: np.arange(5.0)}), everybody(5))) == []
