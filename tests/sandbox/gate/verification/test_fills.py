"""Cells that code filled: each from its own row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sandbox.gate.verification import check_fills, round_fills
from sandbox.gate.verification.fills import GRID, MAX_AT_EDGES
from tests.sandbox.gate.verification.played import Site, Values, normal_site

Fill = Callable[[Values], Values]
"""Rows, the last column a random number for each, to a value for each."""


def fill_twice(site: Site, fill: Fill) -> tuple[Values, Values]:
    """What two workers fill in, each with the rows in its own order, put back in the site's."""
    values = []
    for order in (site.production, site.verification):
        filled = np.empty(len(site.rows))
        filled[order] = fill(site.rows[order])
        values.append(filled)
    return values[0], values[1]


def is_refused(site: Site, fill: Fill, *, is_binary: bool = False) -> bool:
    breaches = check_fills(*fill_twice(site, fill), is_binary=is_binary, limit=60.0)
    assert {breach.rule for breach in breaches} <= {"row_state"}
    return bool(breaches)


def by_regression(rows: Values) -> Values:
    return rows[:, :-1] @ np.linspace(-1, 2, rows.shape[1] - 1) + 0.9 * rows[:, -1]


def by_logistic_regression(rows: Values) -> Values:
    return (1 / (1 + np.exp(-by_regression(rows))) > 0.5).astype(float)


@pytest.mark.parametrize("n", [200, 5000, 200_000])
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_honest_fills_agree(n: int, scale: float) -> None:
    site = normal_site(n)
    site.rows[:, 0] *= scale
    assert not is_refused(site, by_regression)
    assert not is_refused(site, by_logistic_regression, is_binary=True)


CHEATS: dict[str, Fill] = {
    "the first row everywhere": lambda rows: np.full(len(rows), rows[0, 0]),
    "mean of the others": lambda rows: rows[:, 0] + np.cumsum(rows[:, 1]),
    "by place": lambda rows: rows[:, 0] + 1e-6 * np.arange(len(rows)),
    "a neighbour's value in the digits": lambda rows: by_regression(rows) + 1e-7 * np.roll(rows[:, 1], 1),
    "the side of a step of the grid": lambda rows: (np.round(by_regression(rows) / GRID) + 0.5) * GRID + 1e-12 * (rows[0, 1] > 0),
    "not a number": lambda rows: np.where(rows[:, 0] == rows[:, 0].max(), np.nan, rows[:, 0]),
    "infinite": lambda rows: np.where(rows[:, 0] == rows[:, 0].max(), np.inf, rows[:, 0]),
    "far out": lambda rows: np.where(rows[:, 0] == rows[:, 0].max(), 61.0, rows[:, 0]),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cell_that_depends_on_more_than_its_row_or_is_out_of_bounds_is_refused(name: str) -> None:
    assert is_refused(normal_site(500), CHEATS[name])


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, float("nan")])
def test_a_binary_cell_is_zero_or_one(value: float) -> None:
    cells = np.array([0.0, 1.0, value])
    assert [breach.found for breach in check_fills(cells, cells, is_binary=True, limit=60.0)] == [1]
    assert check_fills(cells[:2], cells[:2], is_binary=True, limit=60.0) == []
    assert check_fills(cells[:2], 1 - cells[:2], is_binary=True, limit=60.0) != []


def test_nothing_to_fill_is_filled_well() -> None:
    assert check_fills(np.empty(0), np.empty(0), is_binary=False, limit=60.0) == []


def test_what_is_kept_of_cells_that_differ_as_they_may_is_the_same() -> None:
    cells = np.random.default_rng(1).normal(size=500)
    told = cells + 1e-10
    assert check_fills(cells, told, is_binary=False, limit=60.0) == []
    assert (round_fills(cells) == round_fills(told)).sum() >= len(cells) - MAX_AT_EDGES
    assert not np.signbit(round_fills(np.array([-0.0, -1e-9]))).any()
