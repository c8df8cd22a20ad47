"""Columns of numbers in tiles: the one copy of a participant's values, from the upload to the last sweep.

A tile holds some consecutive rows, column by column, in the region. Rows come in the order of the file; :meth:`Tiles.sort` puts them into
another order where they are, a column at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.region import Region

TILE_BYTES: Final = 2_000_000
"""Larger tiles leave the caches, smaller ones are all overhead (`tests/benchmarks`)."""
MIN_TILE_ROWS: Final = 64

Matrix = npt.NDArray[np.float64]


class Tiles:
    """Numbers in `n_columns` columns, as many rows as were appended."""

    def __init__(self, region: Region, n_columns: int) -> None:
        self.n_columns: Final = n_columns
        self.tile_rows: Final = tile_rows(n_columns)
        self.n_rows = 0
        self._region = region
        self._tiles: list[Matrix] = []

    def append(self, values: Matrix) -> None:
        """Add rows below the others: the first columns of each, shape (rows, columns); the other columns are 0. Raises `RegionFull`."""
        start, stop = self.n_rows, self.n_rows + len(values)
        while len(self._tiles) * self.tile_rows < stop:
            self._tiles.append(self._region.array((self.n_columns, self.tile_rows)))
        for tile, low, high in self.pieces(start, stop):
            first = tile * self.tile_rows + low - start
            self._tiles[tile][: values.shape[1], low:high] = values[first : first + high - low].T
        self.n_rows = stop

    def copy(self, n_rows: int) -> Tiles:
        """The first rows in tiles of their own, in the same region. Raises `RegionFull`."""
        copied = Tiles(self._region, self.n_columns)
        for tile, _, high in self.pieces(0, n_rows):
            copied._tiles.append(self._region.array((self.n_columns, self.tile_rows)))
            copied._tiles[tile][:, :high] = self._tiles[tile][:, :high]
        copied.n_rows = n_rows
        return copied

    def __getitem__(self, tile: int) -> Matrix:
        """A tile, shape (columns, tile_rows); of the last one not all rows count."""
        return self._tiles[tile]

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Rows [start, stop) cut at the borders of tiles: tile, first and last place within it."""
        while start < stop:
            tile, low = divmod(start, self.tile_rows)
            high = min(self.tile_rows, low + stop - start)
            yield tile, low, high
            start += high - low

    def column(self, position: int, n_rows: int | None = None) -> Matrix:
        """The first `n_rows` of a column (all of them), shape (rows,). A copy."""
        values, start = np.empty(self.n_rows if n_rows is None else n_rows), 0
        for tile, low, high in self.pieces(0, len(values)):
            values[start : start + high - low] = self._tiles[tile][position, low:high]
            start += high - low
        return values

    def put(self, position: int, values: Matrix) -> None:
        """Replace the first rows of a column, shape (rows,)."""
        start = 0
        for tile, low, high in self.pieces(0, len(values)):
            self._tiles[tile][position, low:high] = values[start : start + high - low]
            start += high - low

    def sort(self, order: npt.NDArray[np.int64], columns: Sequence[int], constants: Matrix) -> None:
        """Make row i what row `order[i]` was, shape (n_rows,), and column j what column `columns[j]`, ascending, was.

        The columns behind those become `constants`, shape (columns,). Nothing is held twice but the column at hand.
        """
        for position, column in enumerate(columns):
            self.put(position, self.column(column)[order])
        for tile in self._tiles:
            tile[len(columns) : len(columns) + len(constants)] = constants[:, None]


def tile_rows(n_columns: int) -> int:
    """Rows of a tile."""
    fitting = TILE_BYTES // (8 * n_columns)
    # Eight more than a power of two: columns that a power of two is between share the sets of a cache and drive each other out.
    return max(MIN_TILE_ROWS, 1 << max(fitting.bit_length() - 1, 0)) + 8
