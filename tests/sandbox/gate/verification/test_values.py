"""Numbers that are cells."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.gate.verification import check_values, sorted_cells
from sandbox.gate.verification.values import MAX_CELLS, SHARED


def n_found(numbers: list[float], cells: np.ndarray) -> float:
    return sum(breach.found for breach in check_values(np.array(numbers), cells))


def test_a_cell_is_found_and_its_neighbourhood_is_not() -> None:
    cells = sorted_cells([np.random.default_rng(0).normal(size=300)])
    cell = cells[17]
    assert n_found([cell], cells) == 1
    assert n_found([cell * (1 + 1e-15), 1e6], cells) == 1
    assert n_found([cell + 1e-6], cells) == 0
    assert n_found([-1e6, 1e6, 0.0], cells) == 0


def test_of_many_numbers_one_may_be_a_cell_by_chance() -> None:
    cells = sorted_cells([np.random.default_rng(0).normal(size=300)])
    others = [1e3 + i / 7 for i in range(20)]
    assert n_found([cells[17], cells[17], *others], cells) == 0
    assert n_found([cells[17], cells[18], *others], cells) == 2


def test_whole_numbers_missing_cells_and_values_of_many_are_no_cells() -> None:
    column = np.array([1.0, 2.0, np.nan, np.inf, 0.5, *[0.25] * SHARED, *[0.75] * (SHARED - 1)])
    assert sorted_cells([column]).tolist() == [0.5, 0.75]


def test_no_cells_no_finding() -> None:
    assert n_found([0.5], sorted_cells([])) == 0
    assert n_found([0.5], sorted_cells([np.empty(0)])) == 0
    assert n_found([0.5], np.array([0.5])) == 1


@pytest.mark.parametrize("n_cells", [10**3, 10**6, 4 * 10**6])
def test_numbers_among_millions_of_cells_raise_no_alarm(n_cells: int) -> None:
    random = np.random.default_rng(n_cells)
    cells = sorted_cells([random.normal(size=n_cells // 4) for _ in range(4)])
    numbers = random.normal(size=(1000, 100))
    assert sum(bool(check_values(message, cells)) for message in numbers) == 0
    assert all(check_values(cells[[i]], cells) for i in random.integers(0, len(cells), 100))


def test_of_more_cells_than_are_kept_each_column_keeps_its_first() -> None:
    random = np.random.default_rng(0)
    columns = [random.normal(size=MAX_CELLS // 2) for _ in range(3)]
    cells = sorted_cells(columns)
    assert 0.99 * MAX_CELLS < len(cells) <= MAX_CELLS
    assert all(n_found([column[0]], cells) == 1 for column in columns)
