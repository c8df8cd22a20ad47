"""The rows that take part, as the kernels see them: sorted by missingness pattern, in tiles, with one Gram per pattern.

A design row is: the columns in the model in file order, then central's intercept if the job has one, then the intercept. Its width is p;
the design of a target leaves out the target's own column. Values are raw until :meth:`Rows.standardise`.

Sorting by pattern makes the observed Gram of a target a sum of small matrices, and a draw one pass over the rows it fills that computes
the target's row and column of their Grams anew (`performance`: 27 to 85 times faster than recomputing, and nothing drifts). With so many
patterns that their Grams would outgrow the rows, a Gram is computed in one pass instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.dataset import Dataset
from sandbox.gate.patterns import Mask, Patterns
from sandbox.gate.region import Region

TILE_BYTES: Final = 2_000_000
"""Larger tiles leave the caches, smaller ones are all overhead (`tests/benchmarks`)."""
MIN_TILE_ROWS: Final = 256
MANY_PATTERNS: Final = 64
"""Below this number of patterns their Grams are always kept."""

Matrix = npt.NDArray[np.float64]
Places = slice | npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of one pattern or of one tile."""

    design: Matrix
    """Shape (rows, p): a view, or a copy where rows are scattered. Never write to it; see :meth:`Rows.refill`."""
    tile: int
    within: Places
    """The rows' places in the tile."""
    patterns: tuple[tuple[int, slice], ...]
    """The patterns with a Gram that the rows are of, and which of the rows of this part are of each; none when Grams are not kept."""


class Rows:
    """Rows of one participant that take part, with missing cells of targets filled by the latest draw."""

    def __init__(self, dataset: Dataset, takes_part: npt.NDArray[np.intp], patterns: Patterns, region: Region, intercepts: Matrix) -> None:
        """Lay out the rows.

        Args:
            dataset: the upload.
            takes_part: file rows that take part, in the order of `patterns.of_row`.
            patterns: their missingness patterns over the targets.
            region: where the rows live. Raises `RegionFull` when it is too small.
            intercepts: constant columns after those of the model, shape (1,) or (2,).
        """
        contract = dataset.contract
        self.model: Final = contract.model
        self.targets: Final = contract.targets
        self.n = len(takes_part)
        self.n_columns = len(self.model)
        self.p = self.n_columns + len(intercepts)
        self.masks: Mask = patterns.masks
        order = np.argsort(patterns.of_row, kind="stable")
        self.file_rows: npt.NDArray[np.int64] = region.array(self.n, np.int64)
        self.file_rows[:] = takes_part[order]
        self.bounds = np.concatenate(([0], np.cumsum(patterns.counts)))
        n_missing = max((self.n_missing(index) for index in self.targets), default=0)
        self.noise: Matrix = region.array(n_missing)
        """Room for a number per missing cell of any one target."""
        self.eta: Matrix = region.array(n_missing)
        """As `noise`, for linear predictors."""
        self._old: Matrix = region.array(n_missing)
        self.tile_rows = max(1, min(tile_rows(self.p), self.n))
        n_tiles = -(-self.n // self.tile_rows)
        self._tiles: Matrix = region.array((n_tiles, self.p, self.tile_rows))
        self._tiles[:, self.n_columns :, :] = intercepts[:, None]
        for position, index in enumerate(self.model):
            self._fill(position, dataset.column(index)[self.file_rows])
        self.has_grams = len(self.masks) <= max(MANY_PATTERNS, self.n // self.p**2)
        self._grams: Matrix = region.array((len(self.masks) if self.has_grams else 0, self.p, self.p))
        self._pattern_of: npt.NDArray[np.int64] = region.array(self.n, np.int64)
        self._old_products: Matrix = self._grams[:, :, 0]
        self._parts: dict[tuple[int, bool], tuple[Part, ...]] = {}
        """Views of the tiles, which stay where they are."""
        self._pattern_of[:] = np.repeat(np.arange(len(self.masks)), patterns.counts)
        self._observed_reach = np.ones(self.p)
        self._filled_reach = np.zeros(self.p)

    # --- which rows

    def position(self, target: int) -> int:
        """Where the column of a target (1-based index) stands in a design row."""
        return self.model.index(target)

    def n_observed(self, target: int) -> int:
        """Rows with the target observed."""
        return self.n - self.n_missing(target)

    def n_missing(self, target: int) -> int:
        """Rows with the target missing."""
        return int(np.diff(self.bounds)[self.masks[:, self.targets.index(target)]].sum())

    def parts(self, target: int, *, is_missing: bool) -> Iterable[Part]:
        """The rows with `target` observed, or missing: in pieces within a tile."""
        if not self.has_grams:
            return self._find_parts(target, is_missing)
        if (target, is_missing) not in self._parts:
            self._parts[target, is_missing] = tuple(self._find_parts(target, is_missing))
        return self._parts[target, is_missing]

    def _find_parts(self, target: int, is_missing: bool) -> Iterator[Part]:
        is_wanted = self.masks[:, self.targets.index(target)] == is_missing
        if not self.has_grams:
            yield from self._scattered(is_wanted)
            return
        for first, last in _runs(is_wanted):
            for tile, low, high in self._pieces(int(self.bounds[first]), int(self.bounds[last])):
                patterns = self._patterns_within(first, last, tile * self.tile_rows + low, tile * self.tile_rows + high)
                yield Part(self._tiles[tile, :, low:high].T, tile, slice(low, high), patterns)

    def _patterns_within(self, first: int, last: int, start: int, stop: int) -> tuple[tuple[int, slice], ...]:
        """Which of the places [start, stop) are of which of the patterns [first, last)."""
        found = []
        for pattern in range(first, last):
            low, high = max(start, int(self.bounds[pattern])), min(stop, int(self.bounds[pattern + 1]))
            if low < high:
                found.append((pattern, slice(low - start, high - start)))
        return tuple(found)

    def _scattered(self, is_wanted: Mask) -> Iterator[Part]:
        is_row_wanted = is_wanted[self._pattern_of]
        for tile in range(len(self._tiles)):
            start = tile * self.tile_rows
            within = np.flatnonzero(is_row_wanted[start : start + self.tile_rows])
            if len(within):
                yield Part(self._tiles[tile][:, within].T, tile, within, ())

    # --- values

    def column(self, position: int) -> Matrix:
        """A design column in sorted order, shape (n,). A copy."""
        return self._tiles[:, position, :].reshape(-1)[: self.n].copy()

    def missing_places(self, target: int) -> npt.NDArray[np.intp]:
        """Places in sorted order of the rows with the target missing."""
        return np.flatnonzero(self.masks[:, self.targets.index(target)][self._pattern_of])

    def missing_rows(self, target: int) -> npt.NDArray[np.int64]:
        """File rows with the target missing, in the order of :meth:`missing_places`."""
        runs = _runs(self.masks[:, self.targets.index(target)])
        rows = [self.file_rows[self.bounds[first] : self.bounds[last]] for first, last in runs]
        return rows[0] if len(rows) == 1 else np.concatenate([self.file_rows[:0], *rows])

    def standardise(self, centre: Matrix, scale: Matrix, starts: dict[int, Matrix]) -> None:
        """Fix the units for the whole job, fill the missing cells, and make the Grams.

        Args:
            centre: shape (columns in the model,), raw units.
            scale: as `centre`.
            starts: for each target the raw start values of its missing cells, in the order of :meth:`missing_places`.
        """
        for position, index in enumerate(self.model):
            values = self.column(position)
            if index in starts:
                values[self.missing_places(index)] = starts[index]
            values -= centre[position]
            values /= scale[position]
            self._observed_reach[position] = np.abs(values).max(initial=0.0)
            self._fill(position, values)
        if self.has_grams:
            for pattern, (first, last) in enumerate(itertools.pairwise(self.bounds.tolist())):
                for tile, low, high in self._pieces(first, last):
                    design = self._tiles[tile, :, low:high].T
                    self._grams[pattern] += design.T @ design

    def refill(self, target: int, values_of: Callable[[Matrix, slice], Matrix]) -> None:
        """Put new values into the missing cells of `target`, in one pass that also renews the Grams; :meth:`undo` takes them back.

        Args:
            target: 1-based index.
            values_of: asked for the values of some rows: their design, shape (rows, p), and their places in :meth:`missing_rows`.
        """
        position = self.position(target)
        self._old_products = self._grams[:, :, position].copy()
        products = np.zeros((len(self._grams), self.p))
        start, reach = 0, 0.0
        for part in self.parts(target, is_missing=True):
            stop = start + len(part.design)
            column = self._tiles[part.tile, position]
            self._old[start:stop] = column[part.within]
            values = values_of(part.design, slice(start, stop))
            column[part.within] = values
            reach = max(reach, np.maximum.reduce(values), -np.minimum.reduce(values))
            for pattern, some in part.patterns:
                products[pattern] += values[some] @ part.design[some]
            start = stop
        self._filled_reach[position] = reach
        self._put_products(target, products)

    def undo(self, target: int) -> None:
        """Take back the last :meth:`refill`, which was of `target`, to the last bit."""
        old, products = self._old[: self.n_missing(target)].copy(), self._old_products
        self.refill(target, lambda _, places: old[places])
        # Not as they are computed now: the first ones came from a product of matrices, which rounds otherwise.
        self._put_products(target, products)

    def _put_products(self, target: int, products: Matrix) -> None:
        """The target's row and column in the Grams of the patterns that miss it."""
        if not self.has_grams:
            return
        is_missing = self.masks[:, self.targets.index(target)]
        self._grams[is_missing, :, self.position(target)] = products[is_missing]
        self._grams[is_missing, self.position(target), :] = products[is_missing]

    @property
    def is_finite(self) -> bool:
        """Whether every number of every design row is finite."""
        return bool(np.isfinite(self._tiles).all())

    @property
    def reach(self) -> Matrix:
        """An upper bound on |z| in each design column, shape (p,), standardised units."""
        return np.maximum(self._observed_reach, self._filled_reach)

    # --- Grams

    def gram(self, target: int) -> Matrix:
        """Σ zz' of the full design rows with the target observed, shape (p, p)."""
        if self.has_grams:
            weights = (~self.masks[:, self.targets.index(target)]).astype(np.float64)
            return (weights @ self._grams.reshape(len(weights), -1)).reshape(self.p, self.p)
        gram = np.zeros((self.p, self.p))
        for part in self.parts(target, is_missing=False):
            gram += part.design.T @ part.design
        return gram

    def total_gram(self) -> Matrix:
        """Σ zz' of all design rows, shape (p, p)."""
        if self.has_grams:
            total: Matrix = self._grams.sum(axis=0)
            return total
        gram = np.zeros((self.p, self.p))
        for tile, low, high in self._pieces(0, self.n):
            gram += self._tiles[tile, :, low:high] @ self._tiles[tile, :, low:high].T
        return gram

    def products(self, values: Matrix) -> Matrix:
        """Σ zv of all design rows, for a number `values` of each in sorted order, shape (p,)."""
        products, start = np.zeros(self.p), 0
        for tile, low, high in self._pieces(0, self.n):
            products += self._tiles[tile, :, low:high] @ values[start : start + high - low]
            start += high - low
        return products

    def squares(self, target: int) -> Matrix:
        """The diagonal of :meth:`gram`, shape (p,), without the rest where that saves work."""
        if self.has_grams:
            return np.diagonal(self.gram(target)).copy()
        squares = np.zeros(self.p)
        for part in self.parts(target, is_missing=False):
            squares += np.einsum("ij,ij->j", part.design, part.design)
        return squares

    def _fill(self, position: int, values: Matrix) -> None:
        for tile in range(len(self._tiles)):
            piece = values[tile * self.tile_rows : (tile + 1) * self.tile_rows]
            self._tiles[tile, position, : len(piece)] = piece

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Places [start, stop) cut at tile borders: tile, first and last place within it."""
        while start < stop:
            tile, low = divmod(start, self.tile_rows)
            high = min(self.tile_rows, low + stop - start)
            yield tile, low, high
            start += high - low


def tile_rows(p: int) -> int:
    """Rows of a tile of `p` columns."""
    fitting = TILE_BYTES // (8 * p)
    # Eight more than a power of two: columns that a power of two is between share the sets of a cache and drive each other out.
    return max(MIN_TILE_ROWS, 1 << max(fitting.bit_length() - 1, 0)) + 8


def _runs(is_wanted: Mask) -> Iterator[tuple[int, int]]:
    """Ranges [first, last) of neighbouring wanted patterns."""
    edges = np.flatnonzero(np.diff(is_wanted, prepend=False, append=False)).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)
