"""Which imputed cells of a binary target a site keeps: no sum that leaves, nor a difference of two, may be about a few of them.

A draw of a continuous target changes every cell that it fills, by noise. One of a binary target changes only some, and may change few:
then the Grams before and after it differ by these few rows, whose values stand in the difference. The same goes for two chains, and for
the cells that are 1 (or 0) at all: the target's own Gram has the sums over the rows that show it, any other Gram has the imputed cells in
it too, and the difference is the rows whose imputed cell is 1. So a state is compared with all before it, and with all 0 and all 1.

A draw can also be a copy of another column, or of several together, but for a few rows: then the sums of the columns, put together alike,
leave these few. So the cells are fitted by all other columns as they are now. A combination that is right but for k rows, and off by at
most 1 in them, leaves a residual sum of squares of at most k.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.kernels import Units
from sandbox.gate.patterns import Mask
from sandbox.gate.region import Region
from sandbox.gate.rows import Matrix, Rows

WORD_BITS: Final = 64
WORDS_AT_ONCE: Final = 256
"""Of a state. Of many rows some thousands are enough to see that many changed."""
ROWS_AT_ONCE: Final = 1024
"""Rows of a fit. Fewer rows have the smaller residual, so that of many rows the first are mostly enough."""
JITTER: Final = 1e-13
"""Added to correlations, so that columns that are combinations of others do no harm."""

Words = npt.NDArray[np.uint64]


class Redraws:
    """The states of one job at a site, of all its chains."""

    def __init__(self, rows: Rows, targets: Iterable[int], fewest: int, n_states: int, region: Region) -> None:
        """Start with all 0 and all 1.

        Args:
            rows: of any chain; they hold the same cells.
            targets: the binary ones, 1-based indices.
            fewest: rows in which two states differ at least when they differ at all, among all rows that miss the target as among those
                that show another one: the Gram of the other is a sum over these.
            n_states: start values and draws of one target, of all chains.
            region: where the states live. Raises `RegionFull`.
        """
        self._records = {target: _Record(rows, target, fewest, n_states, region) for target in targets}

    def accept(self, target: int, is_one: Mask) -> bool:
        """Whether the missing cells of `target` may be these, shape (missing,) in sorted order; if so they are remembered.

        Raises `IndexError` after more than `n_states` calls.
        """
        return self._records[target].accept(is_one)

    def accept_fill(self, rows: Rows, units: Units, target: int) -> bool:
        """Whether the missing cells of `target` may stay as they are filled in `rows`, standardised; if so they are remembered."""
        record, scale = self._records[target], float(units.scale[rows.position(target)])
        if not all(is_own(rows, target, view, record.fewest / scale**2) for view in record.views()):
            return False
        return record.accept(rows.filled(target) > units.threshold(rows.position(target)))


class _Record:
    def __init__(self, rows: Rows, target: int, fewest: int, n_states: int, region: Region) -> None:
        self.fewest = fewest
        place = rows.targets.index(target)
        is_missing = rows.masks[:, place]
        self._counts = np.diff(rows.bounds)[is_missing]
        shown = ~np.delete(rows.masks[is_missing], place, axis=1)
        # Targets that the same rows show have the same view, and one that none of them shows has none.
        some = np.unique(shown[:, shown.any(axis=0) & ~shown.all(axis=0)], axis=1)
        self._shown = np.column_stack([np.ones(len(shown), dtype=np.bool_), some])
        self._packed = [_packed(view) for view in self.views()]
        self._states: Words = region.array((n_states + 2, len(self._packed[0])), np.uint64)
        self._states[1] = self._packed[0]
        self._n_states = 2

    def views(self) -> Iterator[Mask]:
        """Which rows that miss the target are in a Gram, shape (missing,): all of them, and those that show each other target."""
        return (np.repeat(view, self._counts) for view in self._shown.T)

    def accept(self, is_one: Mask) -> bool:
        state = _packed(is_one)
        earlier = self._states[: self._n_states]
        if any(((changed > 0) & (changed < self.fewest)).any() for changed in self._changed(earlier, state)):
            return False
        self._states[self._n_states] = state
        self._n_states += 1
        return True

    def _changed(self, earlier: Words, state: Words) -> Iterator[npt.NDArray[np.int64]]:
        """For each view in how many of its rows the earlier states differ from this one; counted no further than needed."""
        for view in self._packed:
            changed = np.zeros(len(earlier), np.int64)
            for start in range(0, len(state), WORDS_AT_ONCE):
                words = slice(start, start + WORDS_AT_ONCE)
                changed += np.bitwise_count((earlier[:, words] ^ state[words]) & view[words]).sum(axis=1, dtype=np.int64)
                if (changed >= self.fewest).all():
                    break
            yield changed


def is_own(rows: Rows, target: int, view: Mask, enough: float) -> bool:
    """Whether no combination of the other columns explains the cells of `target` on the rows of a view, but for less than `enough`."""
    if not view.any():
        return True
    position, gram, origin = rows.position(target), np.zeros((rows.p, rows.p)), np.zeros(rows.p)
    n_rows, n_enough, start = 0, ROWS_AT_ONCE, 0
    for part in rows.parts(target, is_missing=True):
        for first in range(0, len(part.design), ROWS_AT_ONCE):
            design = part.design[first : first + ROWS_AT_ONCE]
            design = design[view[start : start + len(design)]]
            start += min(ROWS_AT_ONCE, len(part.design) - first)
            if not n_rows and len(design):
                # Without it a column far from 0 would hide in its own rounding. The last column is 1.
                origin[:-1] = design[0, :-1]
            design = design - origin
            gram += design.T @ design
            n_rows += len(design)
            if n_rows >= n_enough:
                if _residual(gram, position) >= enough:
                    return True
                n_enough = 4 * n_rows
    return _residual(gram, position) >= enough


def _residual(gram: Matrix, position: int) -> float:
    """Sum of squares of a column that the others leave."""
    norms = np.sqrt(np.diagonal(gram))
    norms = np.where(norms > 0, norms, 1.0)
    correlations = gram / np.outer(norms, norms)
    others = np.delete(np.arange(len(gram)), position)
    own = correlations[others, position]
    try:
        fitted = np.linalg.solve(correlations[np.ix_(others, others)] + JITTER * np.eye(len(others)), own)
    except np.linalg.LinAlgError:
        return 0.0
    return float((correlations[position, position] - own @ fitted) * norms[position] ** 2)


def _packed(bits: Mask) -> Words:
    n_bytes = -(-len(bits) // WORD_BITS) * (WORD_BITS // 8)
    packed = np.zeros(n_bytes, np.uint8)
    packed[: -(-len(bits) // 8)] = np.packbits(bits)
    return packed.view(np.uint64)
