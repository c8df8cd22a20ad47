"""Units of design rows, and the coding in which the errors of a card are made: that of the site's own columns, the same for every job.

A numeric column is standardised by its observed cells and turned so that Σz³ > 0; a column of two values is 0 and 1 with the rarer as 1; an
indicator is 1 for who has its level. So it does not matter in which units, in which direction or how spelled a column came.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.contract import Contract
from sandbox.gate.kernels import Units
from sandbox.gate.rows import Matrix, Rows

Mask = npt.NDArray[np.bool_]
ONCE_AND_FILLED: Final = 2.0
"""Rows that a shown cell may stand for before errors grow with them: itself and one that was filled as it says. Up to there the draws of
the site's own chain hide what one cell did, in five versions, too (policies/README.md)."""
SYMMETRIC: Final = 1e-7
"""Mean z³ below which a column has no direction of its own, and keeps that of the file."""
CONSTANT: Final = 1e-7
"""Standard deviation, in the units of rows, below which a column is constant: what is less is rounding of a sum of squares."""
CELLS_AT_ONCE: Final = 1 << 15
"""More of them leave the nearer caches."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Units of design rows: centre and scale of every column in raw units, shape (columns,). A negative scale turns the column round."""

    centre: Matrix
    scale: Matrix

    def to(self, other: Frame) -> Matrix:
        """A with z_other = z A for design rows with the intercept last, shape (d, d)."""
        ratio = self.scale / other.scale
        change = np.diag(np.append(ratio, 1.0))
        change[-1, :-1] = (self.centre - other.centre) / other.scale
        return change


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the observed cells of every column, units of the rows, shape (columns,) each."""

    n: npt.NDArray[np.int64]
    total: Matrix
    squares: Matrix
    cubes: Matrix

    @classmethod
    def of(cls, rows: Rows) -> Moments:
        """Those of rows, about standardised by their observed cells: sums about 0 are then as good as about the mean."""
        missing = [rows.n_missing(index) if index in rows.fillable else 0 for index in rows.model]
        total, squares, cubes = (np.zeros(rows.n_columns) for _ in range(3))
        for cells in _observed(rows, np.ones(rows.n_columns), np.zeros(rows.n_columns), 0.0):
            total += cells.sum(axis=1)
            squares += np.vecdot(cells, cells)
            cubes += np.vecdot(cells * cells, cells)
        return cls(rows.n - np.array(missing, np.int64), total, squares, cubes)

    def shape(self, position: int) -> tuple[float, float, float]:
        """Mean, standard deviation (1 of a constant) and direction of a column's observed cells, of which there are some."""
        mean, square, cube = (float(sums[position]) / int(self.n[position]) for sums in (self.total, self.squares, self.cubes))
        spread = math.sqrt(max(square - mean**2, 0.0))
        # What rounding leaves of a constant is no spread.
        if spread <= CONSTANT * max(1.0, abs(mean)):
            return mean, 1.0, 1.0
        skewness = (cube - 3.0 * mean * square + 2.0 * mean**3) / spread**3
        return mean, spread, -1.0 if skewness < -SYMMETRIC else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """What is known of the columns of a file at its site, before any error. None of it leaves but the levels."""

    own: Frame
    """The units that the rows are in."""
    canonical: Frame
    is_two_valued: Mask
    """Columns with exactly two distinct observed values, and columns of codes, shape (columns,)."""
    levels: Matrix
    """Lower and higher value of two-valued columns, raw units, shape (columns, 2); 0 of the others."""
    moments: Moments
    n_rows: int

    @classmethod
    def of(cls, rows: Rows, units: Units, levels: Matrix, contract: Contract) -> Coding:
        """The coding of rows in `units`. `levels`: the two values of columns that have two, lower first, the same twice of the others."""
        k, moments = rows.n_columns, Moments.of(rows)
        centre, scale, coded = np.zeros(k), np.ones(k), np.zeros((k, 2))
        is_two_valued = np.zeros(k, dtype=bool)
        for position, index in enumerate(rows.model):
            n = int(moments.n[position])
            # A column of codes is one of two values wherever it is: a site where it is always the same does not say so.
            low, high = (0.0, 1.0) if contract.column(index).is_coded else levels[position]
            if low < high:
                is_two_valued[position], coded[position] = True, (low, high)
                above = units.scale[position] * moments.total[position] + n * (units.centre[position] - low)
                # An indicator is who has its level, however many: of two of them nobody has both.
                is_turned = index not in contract.indicators and 2 * round(above / (high - low)) > n
                centre[position] = high if is_turned else low
                scale[position] = low - high if is_turned else high - low
            elif n:
                mean, spread, sign = moments.shape(position)
                centre[position] = units.centre[position] + units.scale[position] * mean
                scale[position] = sign * spread * units.scale[position]
        return cls(Frame(units.centre, units.scale), Frame(centre, scale), is_two_valued, coded, moments, rows.n)

    @property
    def is_complete(self) -> Mask:
        """Columns that every row shows, shape (columns,)."""
        complete: Mask = self.moments.n == self.n_rows
        return complete

    @property
    def multiples(self) -> Matrix:
        """See :func:`multiples_of`, shape (columns,)."""
        return multiples_of(self.n_rows, self.moments.n)

    def has(self, position: int) -> int:
        """Rows that show the upper value of a column of two values."""
        low, high = self.levels[position]
        above = self.own.scale[position] * self.moments.total[position] + int(self.moments.n[position]) * (self.own.centre[position] - low)
        return round(float(above) / float(high - low))

    @property
    def is_turned(self) -> Mask:
        """Columns whose canonical direction is against that of the file, shape (columns,)."""
        turned: Mask = self.canonical.scale < 0
        return turned

    def canonical_cells(self, rows: Rows) -> Iterator[Matrix]:
        """All rows as the file shows them, in canonical coding: some at a time, shape (columns, rows), NaN where missing.

        What is given may be written to, and the next overwrites it: no copy of the rows is held.
        """
        ratio = self.own.scale / self.canonical.scale
        shift = (self.own.centre - self.canonical.centre) / self.canonical.scale
        two_valued = np.flatnonzero(self.is_two_valued).tolist()
        for cells in _observed(rows, ratio, shift, np.nan):
            # Exact zeros and ones: their sums of squares are counts.
            for position in two_valued:
                np.rint(cells[position], out=cells[position])
            yield cells


def _observed(rows: Rows, ratio: Matrix, shift: Matrix, missing: float) -> Iterator[Matrix]:
    """ratio · z + shift of all rows, some at a time, `missing` where the file shows none; shape (columns, rows). The next overwrites it."""
    filled = [(place, rows.position(index)) for place, index in enumerate(rows.fillable) if rows.n_missing(index)]
    at_once = -(-CELLS_AT_ONCE // rows.n_columns)
    room = np.empty((rows.n_columns, at_once))
    for cells, is_missing in rows.shown(at_once):
        some = room[:, : cells.shape[1]]
        np.multiply(cells, ratio[:, None], out=some)
        some += shift[:, None]
        for place, position in filled:
            np.copyto(some[position], missing, where=is_missing[place])
        yield some
    room.fill(0.0)


def multiples_of(n_rows: float, n_observed: npt.ArrayLike) -> Matrix:
    """By what the sizes of errors of sums with columns that so many rows show are multiplied, at least 1; shape of `n_observed`.

    Where few rows show a column, the others are filled as these few say: each of them is in the sums many times.
    """
    multiples: Matrix = np.maximum(n_rows / (ONCE_AND_FILLED * np.maximum(n_observed, 1)), 1.0)
    return multiples
