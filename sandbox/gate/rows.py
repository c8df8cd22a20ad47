"""The rows that take part, as the kernels see them: sorted by missingness pattern, in tiles, with one Gram per pattern.

A design row is: the columns in the model in file order, then central's intercept if the job has one, then the intercept. Its width is p;
the design of a target leaves out the target's own column. Values are the upload's, sorted where they are, and raw until
:meth:`Rows.standardise`; rows that take no part stay behind the others, as they came.

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
        """Lay out the rows: sort the values of the upload where they are. The data set is not in file order any more.

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
        self.bounds = np.concatenate(([0], np.cumsum(patterns.counts)))
        self._order = _order(dataset.n_rows, takes_part, patterns, region)
        self._tiles = dataset.take()
        self._tiles.sort(self._order, [dataset.slots[index] for index in self.model], intercepts)
        n_missing = max((self.n_missing(index) for index in self.targets), default=0)
        self.noise: Matrix = region.array(n_missing)
        """Room for a number per missing cell of any one target."""
        self.eta: Matrix = region.array(n_missing)
        """As `noise`, for linear predictors."""
        self._old: Matrix = region.array(n_missing)
        self.has_grams = len(self.masks) <= max(MANY_PATTERNS, self.n // self.p**2)
        self._grams: Matrix = region.array((len(self.masks) if self.has_grams else 0, self.p, self.p))
        self._old_products: Matrix = self._grams[:, :, 0]
        self._parts: dict[tuple[int, bool], tuple[Part, ...]] = {}
        """Views of the tiles, which stay where they are."""
        self._observed_reach = np.ones(self.p)
        self._filled_reach = np.zeros(self.p)

    # --- which rows

    @property
    def file_rows(self) -> npt.NDArray[np.int64]:
        """Their places in the file, sorted by pattern, shape (n,)."""
        return self._order[: self.n]

    @property
    def tile_rows(self) -> int:
        """The largest number of rows in a part."""
        return min(self._tiles.tile_rows, self.n)

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
                start = tile * self._tiles.tile_rows
                patterns = self._patterns_within(first, last, start + low, start + high)
                yield Part(self._design(tile, low, high), tile, slice(low, high), patterns)

    def _patterns_within(self, first: int, last: int, start: int, stop: int) -> tuple[tuple[int, slice], ...]:
        """Which of the places [start, stop) are of which of the patterns [first, last)."""
        found = []
        for pattern in range(first, last):
            low, high = max(start, int(self.bounds[pattern])), min(stop, int(self.bounds[pattern + 1]))
            if low < high:
                found.append((pattern, slice(low - start, high - start)))
        return tuple(found)

    def _scattered(self, is_wanted: Mask) -> Iterator[Part]:
        is_row_wanted = np.repeat(is_wanted, np.diff(self.bounds))
        start = 0
        for tile, low, high in self._pieces(0, self.n):
            within = np.flatnonzero(is_row_wanted[start : start + high - low])
            start += high - low
            if len(within):
                yield Part(self._tiles[tile][: self.p, within].T, tile, within, ())

    # --- values

    def column(self, position: int) -> Matrix:
        """A design column in sorted order, shape (n,). A copy."""
        return self._tiles.column(position, self.n)

    def idle(self, position: int) -> Matrix:
        """Raw values of a column of the model on the rows that take no part, NaN where missing. A copy."""
        return self._tiles.column(position)[self.n :]

    def missing_places(self, target: int) -> npt.NDArray[np.intp]:
        """Places in sorted order of the rows with the target missing."""
        return np.flatnonzero(np.repeat(self.masks[:, self.targets.index(target)], np.diff(self.bounds)))

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
            self._tiles.put(position, values)
        if self.has_grams:
            for pattern, (first, last) in enumerate(itertools.pairwise(self.bounds.tolist())):
                for tile, low, high in self._pieces(first, last):
                    design = self._design(tile, low, high)
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
            column = self._tiles[part.tile][position]
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
        return all(bool(np.isfinite(self._design(*piece)).all()) for piece in self._pieces(0, self.n))

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
            design = self._design(tile, low, high)
            gram += design.T @ design
        return gram

    def products(self, values: Matrix) -> Matrix:
        """Σ zv of all design rows, for a number `values` of each in sorted order, shape (p,)."""
        products, start = np.zeros(self.p), 0
        for tile, low, high in self._pieces(0, self.n):
            products += values[start : start + high - low] @ self._design(tile, low, high)
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

    def _design(self, tile: int, low: int, high: int) -> Matrix:
        return self._tiles[tile][: self.p, low:high].T

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Places [start, stop) cut at tile borders: tile, first and last place within it."""
        return self._tiles.pieces(start, stop)


def _order(n_rows: int, takes_part: npt.NDArray[np.intp], patterns: Patterns, region: Region) -> npt.NDArray[np.int64]:
    """File rows in the order of their patterns, those that take no part behind them, shape (n_rows,)."""
    order: npt.NDArray[np.int64] = region.array(n_rows, np.int64)
    n = len(takes_part)
    order[:n] = np.argsort(patterns.of_row, kind="stable")
    order[:n] = takes_part[order[:n]]
    if n < n_rows:
        is_left = np.ones(n_rows, dtype=bool)
        is_left[takes_part] = False
        order[n:] = np.flatnonzero(is_left)
    return order


def _runs(is_wanted: Mask) -> Iterator[tuple[int, int]]:
    """Ranges [first, last) of neighbouring wanted patterns."""
    edges = np.flatnonzero(np.diff(is_wanted, prepend=False, append=False)).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)
