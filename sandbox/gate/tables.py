"""Tables of people: for the columns of two or three values, how many rows have each value and each pair of values.

A cross-product of two such columns gives their table away, so every set of rows that an answer, or the difference of two answers, is
about is counted here, on the observed raw values, before Start (`policies.disclosure`, rule 2). Never on completed columns: they change
by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import Breach, check_crossing, check_level

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
MAX_LEVELS: Final = 3
"""With up to three values, the number of rows, the sum and the sum of squares give the count of each."""
MAX_CARD_LEVELS: Final = 5
"""On a card few numbers contain a column, and each has an error: what is left to solve for is who is alone with one of few values."""
_ROWS_AT_ONCE: Final = 1 << 15
"""Counts of so many rows are exact in single precision."""
_FIRST_ROWS: Final = 1000
"""Most columns show more values than a table has within so many rows."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A level of one column (`other` is 0) or a cell of the table of two columns, by 1-based index, and what is wrong with it."""

    column: int
    other: int
    breach: Breach


class Tables:
    """Which rows have which level of which column."""

    def __init__(self, columns: Mapping[int, Values]) -> None:
        """Find the columns with two or three values. `columns` by 1-based index: raw values, NaN where missing, shape (rows,) each."""
        levels, n_rows = {}, 0
        for index, values in columns.items():
            levels[index], n_rows = levels_of(values), len(values)
        self._of_level = [index for index in levels for _ in levels[index]]
        self._indicators = np.empty((n_rows, len(self._of_level)), dtype=bool)
        number = 0
        for index in filter(levels.__getitem__, levels):
            values = columns[index]
            for level in levels[index]:
                np.equal(values, level, out=self._indicators[:, number])
                number += 1

    @property
    def columns(self) -> frozenset[int]:
        """The columns that have a table."""
        return frozenset(self._of_level)

    def counts(self, rows: Mask) -> npt.NDArray[np.int64]:
        """Rows of a subset with each pair of levels, shape (levels, levels); on the diagonal those with each level."""
        n_levels = len(self._of_level)
        counts = np.zeros((n_levels, n_levels), dtype=np.int64)
        places = np.flatnonzero(rows)
        for start in range(0, len(places) if n_levels else 0, _ROWS_AT_ONCE):
            piece = self._indicators[places[start : start + _ROWS_AT_ONCE]].astype(np.float32)
            counts += (piece.T @ piece).astype(np.int64)
        return counts

    def small_cells(self, counts: npt.NDArray[np.int64], policy: Policy) -> Iterator[Cell]:
        """The cells of some :meth:`counts` that hold somebody, but too few; levels of one column first."""
        few = max(policy.min_cell_column, policy.min_cell_cross)
        # Nearly all cells are empty or large: only the others are worth a question to the rules.
        found = [(int(a), int(b)) for a, b in np.argwhere(np.triu((counts > 0) & (counts < few)))]
        for first, second in sorted(found, key=lambda cell: (cell[0] != cell[1], cell)):
            n_rows, column, other = int(counts[first, second]), self._of_level[first], self._of_level[second]
            if first == second:
                yield from (Cell(column, 0, breach) for breach in check_level(n_rows, policy))
            elif column != other:
                yield from (Cell(column, other, breach) for breach in check_crossing(n_rows, policy))


def count_levels(values: Values, most: int) -> dict[float, int]:
    """How many rows have each observed value, when there are two to `most` values, else nothing: a constant tells of nobody."""
    first = np.unique(values[:_FIRST_ROWS])
    first = first[~np.isnan(first)]
    if len(first) > most:
        return {}
    counts = {float(level): int(np.count_nonzero(values == level)) for level in first}
    if sum(counts.values()) < len(values) - np.count_nonzero(np.isnan(values)):
        levels, n_rows = np.unique(values[~np.isnan(values) & ~np.isin(values, first)], return_counts=True)
        counts |= dict(zip(levels[: most + 1].tolist(), n_rows.tolist(), strict=False))
    return counts if 1 < len(counts) <= most else {}


def levels_of(values: Values) -> list[float]:
    """The distinct observed values of a column with a table, else none: more values than it has do not add up."""
    return list(count_levels(values, MAX_LEVELS))
