"""The rows that take part, as the kernels see them: sorted by missingness pattern, in tiles, with one Gram per pattern.

A design row is: the columns in the model in file order, then central's intercept if the job has one, then the intercept. Its width is p;
the design of a target leaves out the target's own column. Some columns of the model can be filled: the targets, or what the caller names.
Patterns tell which of those a row misses, and what is said here of a target holds for each of them. Values are the upload's, sorted where
they are, and raw until :meth:`Rows.standardise`; rows that take no part stay behind the others, as they came.

Sorting by pattern makes the rows that miss a target, and those that show it, a few runs of neighbours, and a draw one pass over the rows it
fills that also renews the Grams (`grams`: 27 to 85 times faster than recomputing them). With very many patterns the rows that miss a target
are scattered, and copied for a kernel that asks for them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.dataset import Dataset
from sandbox.gate.grams import Grams, Part, PatternGrams, TargetGrams
from sandbox.gate.patterns import Mask, Patterns
from sandbox.gate.region import Region

MANY_PATTERNS: Final = 64
"""Up to this number of patterns each has a Gram, however few the rows are."""

Matrix = npt.NDArray[np.float64]


class Rows:
    """Rows of one participant that take part, with missing cells of fillable columns filled by the latest draw."""

    def __init__(
        self,
        dataset: Dataset,
        takes_part: npt.NDArray[np.intp],
        patterns: Patterns,
        region: Region,
        intercepts: Matrix,
        fillable: Sequence[int] | None = None,
    ) -> None:
        """Lay out the rows: sort the values of the upload where they are. The data set is not in file order any more.

        Args:
            dataset: the upload.
            takes_part: file rows that take part, in the order of `patterns.of_row`.
            patterns: their missingness patterns over the fillable columns.
            region: where the rows live. Raises `RegionFull` when it is too small.
            intercepts: constant columns after those of the model, shape (1,) or (2,).
            fillable: the columns (1-based indices, in file order) whose missing cells are filled; the targets of the contract.
                The other columns of the model must be complete.
        """
        contract = dataset.contract
        self.model: Final = contract.model
        self.targets: Final = contract.targets
        self.fillable: Final = self.targets if fillable is None else tuple(fillable)
        self.n = len(takes_part)
        self.n_columns = len(self.model)
        self.p = self.n_columns + len(intercepts)
        self.masks: Mask = patterns.masks
        self.bounds = np.concatenate(([0], np.cumsum(patterns.counts)))
        self._others = {index: np.delete(np.arange(self.p), self.position(index)) for index in self.model}
        self._n_missing: dict[int, int] = dict(zip(self.fillable, (patterns.counts @ patterns.masks).tolist(), strict=True))
        self._order = _order(dataset.n_rows, takes_part, patterns, region)
        self._tiles = dataset.take()
        self._tiles.sort(self._order, [dataset.slots[index] for index in self.model], intercepts)
        n_missing = max(self._n_missing.values(), default=0)
        self.noise: Matrix = region.array(n_missing)
        """Room for a number per missing cell of any one column."""
        self.eta: Matrix = region.array(n_missing)
        """As `noise`, for linear predictors."""
        self._old: Matrix = region.array(n_missing)
        self.is_in_runs = len(self.masks) <= max(MANY_PATTERNS, self.n // self.p**2)
        """Whether each pattern has a Gram and the rows that show or miss a target are taken as runs of neighbours."""
        self._grams = self._new_grams(region)
        self._old_columns: Matrix = np.empty((0, self.p))
        self._ranges: dict[tuple[int, bool], tuple[tuple[int, int], ...]] = {}
        self._parts: dict[tuple[int, bool], tuple[Part, ...]] = {}
        """Views of the tiles, which stay where they are."""

    def copy(self, region: Region) -> Rows:
        """The same rows for another chain, to be completed by draws of its own: values and Grams are copies, everything else is shared.

        Before :meth:`standardise` only. Chains take turns, so that they can share the scratch. Raises `RegionFull`.
        """
        rows = copy.copy(self)
        rows._tiles = self._tiles.copy(self.n)
        rows._grams = self._new_grams(region)
        rows._parts = {}
        return rows

    def _new_grams(self, region: Region) -> Grams:
        if self.is_in_runs:
            return PatternGrams(self.masks, self.p, region)
        return TargetGrams(self.masks, np.diff(self.bounds), self.p, region)

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
        """Where a column of the model (1-based index) stands in a design row."""
        return self.model.index(target)

    def others(self, target: int) -> npt.NDArray[np.intp]:
        """The positions of the target's design in a design row, shape (p − 1,)."""
        return self._others[target]

    def n_observed(self, target: int) -> int:
        """Rows with the target observed."""
        return self.n - self.n_missing(target)

    def n_missing(self, target: int) -> int:
        """Rows with the target missing."""
        return self._n_missing[target]

    def parts(self, target: int, *, is_missing: bool) -> Iterable[Part]:
        """The rows with `target` observed, or missing: in pieces within a tile."""
        if not self.is_in_runs:
            return self._scattered(target, is_missing)
        if (target, is_missing) not in self._parts:
            runs = self._runs(target, is_missing)
            self._parts[target, is_missing] = tuple(part for start, stop in runs for part in self._neighbours(start, stop))
        return self._parts[target, is_missing]

    def _neighbours(self, start: int, stop: int) -> Iterator[Part]:
        """The rows at the places [start, stop)."""
        for tile, low, high in self._tiles.pieces(start, stop):
            first = tile * self._tiles.tile_rows
            patterns = self._patterns_within(first + low, first + high) if self.is_in_runs else ()
            yield Part(self._tiles[tile][: self.p, low:high].T, tile, slice(low, high), first, patterns)

    def _patterns_within(self, start: int, stop: int) -> tuple[tuple[int, slice], ...]:
        """The patterns at the places [start, stop), and where each is from `start` on."""
        found = []
        pattern = int(np.searchsorted(self.bounds, start, side="right")) - 1
        while start < stop and self.bounds[pattern] < stop:
            low, high = max(start, int(self.bounds[pattern])), min(stop, int(self.bounds[pattern + 1]))
            found.append((pattern, slice(low - start, high - start)))
            pattern += 1
        return tuple(found)

    def _scattered(self, target: int, is_missing: bool) -> Iterator[Part]:
        is_wanted = np.repeat(self.masks[:, self.fillable.index(target)] == is_missing, np.diff(self.bounds))
        for tile, low, high in self._tiles.pieces(0, self.n):
            first = tile * self._tiles.tile_rows
            within = np.flatnonzero(is_wanted[first + low : first + high])
            if len(within):
                yield Part(self._tiles[tile][: self.p, within].T, tile, within, first, ())

    def _runs(self, target: int, is_missing: bool) -> tuple[tuple[int, int], ...]:
        """Ranges of places of the rows that miss the target, or show it."""
        if (target, is_missing) not in self._ranges:
            is_wanted = self.masks[:, self.fillable.index(target)] == is_missing
            edges = self.bounds[np.flatnonzero(np.diff(is_wanted, prepend=False, append=False))].tolist()
            self._ranges[target, is_missing] = tuple(zip(edges[::2], edges[1::2], strict=True))
        return self._ranges[target, is_missing]

    # --- values

    def column(self, position: int) -> Matrix:
        """A design column in sorted order, shape (n,). A copy."""
        return self._tiles.column(position, self.n)

    def shown(self, at_most: int) -> Iterator[tuple[Matrix, Mask]]:
        """All rows in pieces of some: the columns of the model, shape (columns, rows), a view; which cells are filled, (fillable, rows)."""
        for tile, low, high in self._tiles.pieces(0, self.n):
            for start in range(low, high, at_most):
                stop = min(high, start + at_most)
                first = tile * self._tiles.tile_rows + start
                yield self._tiles[tile][: self.n_columns, start:stop], self._missing_within(first, first + stop - start)

    def _missing_within(self, start: int, stop: int) -> Mask:
        """Which fillable cells are missing at the places [start, stop), shape (fillable, places)."""
        first, last = int(np.searchsorted(self.bounds, start, side="right")) - 1, int(np.searchsorted(self.bounds, stop))
        counts = np.diff(np.clip(self.bounds[first : last + 1], start, stop))
        missing: Mask = np.repeat(self.masks[first:last].T, counts, axis=1)
        return missing

    def idle(self, position: int) -> Matrix:
        """Raw values of a column of the model on the rows that take no part, NaN where missing. A copy."""
        return self._tiles.column(position)[self.n :]

    def missing_places(self, target: int) -> npt.NDArray[np.intp]:
        """Places in sorted order of the rows with the target missing."""
        return np.flatnonzero(np.repeat(self.masks[:, self.fillable.index(target)], np.diff(self.bounds)))

    def missing_rows(self, target: int) -> npt.NDArray[np.int64]:
        """File rows with the target missing, in the order of :meth:`missing_places`."""
        return self.of_missing(target, self.file_rows)

    def of_missing(self, target: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """A number of each row, in sorted order, shape (n,), of the rows with the target missing."""
        if not self.is_in_runs:
            return numbers[self.missing_places(target)]
        runs = [numbers[start:stop] for start, stop in self._runs(target, is_missing=True)]
        return runs[0] if len(runs) == 1 else np.concatenate([numbers[:0], *runs])

    def filled(self, target: int) -> Matrix:
        """The missing cells of `target` as they are filled now, standardised, in the order of :meth:`missing_places`. A copy."""
        position = self.position(target)
        return np.concatenate([np.empty(0), *(part.design[:, position] for part in self.parts(target, is_missing=True))])

    def standardise(self, centre: Matrix, scale: Matrix, starts: dict[int, Matrix]) -> None:
        """Fix the units for the whole job, fill the missing cells, and make the Grams.

        Args:
            centre: shape (columns in the model,), raw units.
            scale: as `centre`.
            starts: for each fillable column the raw start values of its missing cells, in the order of :meth:`missing_places`.
        """
        for position, index in enumerate(self.model):
            values = self.column(position)
            if index in starts:
                values[self.missing_places(index)] = starts[index]
            values -= centre[position]
            values /= scale[position]
            self._tiles.put(position, values)
        self._grams.make(self._neighbours(0, self.n))

    def refill(self, target: int, values: Matrix, complete: Callable[[Matrix, slice], None] | None = None) -> None:
        """Put new values into the missing cells of `target`, in one pass that also renews the Grams; :meth:`undo` takes them back.

        Args:
            target: 1-based index.
            values: for every missing cell, in the order of :meth:`missing_rows`.
            complete: called with the design of some rows, shape (rows, p), and their places in `values`, just before these are used.
        """
        if self._grams.is_stale:
            self._grams.make(self._neighbours(0, self.n))
        self._refill(target, values, complete)

    def _refill(self, target: int, values: Matrix, complete: Callable[[Matrix, slice], None] | None = None) -> None:
        position = self.position(target)
        self._old_columns = self._grams.column(position)
        self._grams.start(self.fillable.index(target), position)
        start = 0
        for part in self.parts(target, is_missing=True):
            places = slice(start, start + len(part.design))
            column, old = self._tiles[part.tile][position], self._old[places]
            old[:] = column[part.within]
            if complete is not None:
                complete(part.design, places)
            column[part.within] = new = values[places]
            self._grams.add(part, position, old, new)
            start = places.stop
        self._grams.finish(position)

    def put(self, target: int, values: Matrix) -> None:
        """Put values into the missing cells of `target`, in the order of :meth:`missing_places`, and leave the Grams as they are.

        For whoever puts back, before any Gram is asked for, what the Grams were made of.
        """
        position, start = self.position(target), 0
        for first, last in self._runs(target, is_missing=True):
            for tile, low, high in self._tiles.pieces(first, last):
                self._tiles[tile][position, low:high] = values[start : start + high - low]
                start += high - low

    def rescale(self, position: int, factor: float, shift: float) -> None:
        """Make factor · z + shift of a column of the model. Leaves the Grams as they are, as :meth:`put` does."""
        column = self.column(position)
        column *= factor
        column += shift
        self._tiles.put(position, column)

    def undo(self, target: int) -> None:
        """Take back the last :meth:`refill`, which was of `target`, to the last bit."""
        old, columns = self._old[: self.n_missing(target)].copy(), self._old_columns
        self._refill(target, old)
        # Not as they are computed now: the first ones came from a product of matrices, which rounds otherwise.
        self._grams.put(self.position(target), columns)

    @property
    def is_finite(self) -> bool:
        """Whether every number of every design row is finite."""
        return all(bool(np.isfinite(part.design).all()) for part in self._neighbours(0, self.n))

    # --- Grams

    def gram(self, target: int) -> Matrix:
        """Σ zz' of the full design rows with the target observed, shape (p, p)."""
        return self._grams.gram(self.fillable.index(target))

    def gram_of_pattern(self, pattern: int) -> Matrix:
        """Σ zz' of the design rows of one missingness pattern, shape (p, p), from the rows as they are."""
        gram = np.zeros((self.p, self.p))
        for part in self._neighbours(int(self.bounds[pattern]), int(self.bounds[pattern + 1])):
            gram += part.design.T @ part.design
        return gram

    def total_gram(self) -> Matrix:
        """Σ zz' of all design rows, shape (p, p)."""
        return self._grams.total()

    def products(self, values: Matrix) -> Matrix:
        """Σ zv of all design rows, for a number `values` of each in sorted order, shape (p,)."""
        products, start = np.zeros(self.p), 0
        for part in self._neighbours(0, self.n):
            stop = start + len(part.design)
            products += values[start:stop] @ part.design
            start = stop
        return products


def max_abs(values: Matrix) -> float:
    """The largest |v|, 0 of none; NaN when one is NaN."""
    high, low = float(values.max(initial=0.0)), float(values.min(initial=0.0))
    return high if high > -low else -low


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
