"""Cross-products Σ zz' of the design rows, kept while the filled cells of one column after another change.

What a target needs is the Gram of the rows that show it. Either there is one Gram per missingness pattern, and a target's is a sum of
some of them; a draw computes the target's row and column anew in the patterns that miss it, so that nothing drifts. Or, with so many
patterns that their Grams would outgrow the rows, there is one Gram per target, and a draw adds what has changed to the other targets'
Grams, all in one product: rounding errors add up, and are cleared from time to time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.patterns import Mask
from sandbox.gate.region import Region

DRAWS_BETWEEN_RENEWALS: Final = 500
"""After so many draws the Grams of targets are made anew. 7,000 draws move a coefficient by 1e-13 of its standard error."""

Matrix = npt.NDArray[np.float64]
Places = slice | npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of one tile."""

    design: Matrix
    """Shape (rows, p): a view, or a copy where rows are scattered. Never write to it; see `Rows.refill`."""
    tile: int
    within: Places
    """The rows' places in the tile."""
    first: int
    """The place, among all rows, of the tile's first row."""
    patterns: tuple[tuple[int, slice], ...]
    """The patterns, and which rows of this part are of each; none when the rows are scattered."""


class Grams(ABC):
    """Grams of some sets of rows, which together have what is asked for. Before :meth:`make` they are 0."""

    def __init__(self, n_sets: int, masks: Mask, p: int, region: Region) -> None:
        self._masks = masks
        self._grams: Matrix = region.array((n_sets, p, p))
        self._columns: Matrix = self._grams[:, :, 0]

    @abstractmethod
    def make(self, parts: Iterable[Part]) -> None:
        """Compute all of them from all rows: `parts` are those of neighbouring rows, in their order."""

    @abstractmethod
    def gram(self, place: int) -> Matrix:
        """That of the rows with the target at `place` among the targets observed, shape (p, p)."""

    @abstractmethod
    def total(self) -> Matrix:
        """That of all rows, shape (p, p)."""

    @abstractmethod
    def start(self, place: int, position: int) -> None:
        """A draw of the target at `place` among the targets begins. It stands at `position` in a design row."""

    @abstractmethod
    def add(self, part: Part, position: int, old: Matrix, new: Matrix) -> None:
        """The cells of some rows went from `old` to `new`, shape (rows,) each."""

    def finish(self, position: int) -> None:
        """All cells of the column have been named."""
        self.put(position, self._columns)

    @property
    def is_stale(self) -> bool:
        """Whether it is time to :meth:`make` them again."""
        return False

    def column(self, position: int) -> Matrix:
        """A column of all Grams, shape (sets, p). A copy, for :meth:`put`."""
        return self._grams[:, :, position].copy()

    def put(self, position: int, columns: Matrix) -> None:
        """Make a column, and the row, of all Grams what it was."""
        self._grams[:, :, position] = columns
        self._grams[:, position, :] = columns


class PatternGrams(Grams):
    """One Gram per missingness pattern."""

    def __init__(self, masks: Mask, p: int, region: Region) -> None:
        super().__init__(len(masks), masks, p, region)

    def make(self, parts: Iterable[Part]) -> None:
        """As :meth:`Grams.make`."""
        self._grams[:] = 0.0
        for part in parts:
            for pattern, rows in part.patterns:
                self._grams[pattern] += part.design[rows].T @ part.design[rows]

    def gram(self, place: int) -> Matrix:
        """As :meth:`Grams.gram`."""
        weights = (~self._masks[:, place]).astype(np.float64)
        gram: Matrix = (weights @ self._grams.reshape(len(weights), -1)).reshape(self._grams.shape[1:])
        return gram

    def total(self) -> Matrix:
        """As :meth:`Grams.total`."""
        total: Matrix = self._grams.sum(axis=0)
        return total

    def start(self, place: int, position: int) -> None:
        """As :meth:`Grams.start`."""
        self._columns = self.column(position)
        self._columns[self._masks[:, place]] = 0.0

    def add(self, part: Part, position: int, old: Matrix, new: Matrix) -> None:  # noqa: ARG002 - computed anew, from new values alone
        """As :meth:`Grams.add`; the part's design shows the new values."""
        for pattern, rows in part.patterns:
            self._columns[pattern] += new[rows] @ part.design[rows]


class TargetGrams(Grams):
    """One Gram per target, and that of all rows."""

    def __init__(self, masks: Mask, counts: npt.NDArray[np.int64], p: int, region: Region) -> None:
        """`counts`: rows of each pattern; the rows are sorted by it."""
        super().__init__(masks.shape[1] + 1, masks, p, region)
        self._pattern_of: npt.NDArray[np.int32] = region.array(int(counts.sum()), np.int32)
        self._pattern_of[:] = np.repeat(np.arange(len(masks)), counts)
        self._is_in = np.column_stack([~masks, np.ones(len(masks), dtype=bool)])
        self._n_draws = 0

    def make(self, parts: Iterable[Part]) -> None:
        """As :meth:`Grams.make`."""
        self._grams[:] = 0.0
        self._n_draws = 0
        for part in parts:
            is_in = self._is_in_sets(part)
            for number in range(len(self._grams)):
                design = part.design.T * is_in[:, number]
                self._grams[number] += design @ design.T

    def gram(self, place: int) -> Matrix:
        """As :meth:`Grams.gram`."""
        gram: Matrix = self._grams[place].copy()
        return gram

    def total(self) -> Matrix:
        """As :meth:`Grams.total`."""
        total: Matrix = self._grams[-1].copy()
        return total

    def start(self, place: int, position: int) -> None:  # noqa: ARG002 - the rows that miss the target are in no sum of its own
        """As :meth:`Grams.start`."""
        self._columns = self.column(position)
        self._n_draws += 1

    def add(self, part: Part, position: int, old: Matrix, new: Matrix) -> None:
        """As :meth:`Grams.add`; the part's design shows the old values."""
        change = new - old
        weights = self._is_in_sets(part) * change[:, None]
        products = weights.T @ part.design
        # (old + change)² = old² + 2 · old · change + change².
        products[:, position] += products[:, position] + change @ weights
        self._columns += products

    @property
    def is_stale(self) -> bool:
        """As :attr:`Grams.is_stale`."""
        return self._n_draws >= DRAWS_BETWEEN_RENEWALS

    def _is_in_sets(self, part: Part) -> Matrix:
        """1 for each row of a part and set that has it, shape (rows, sets)."""
        within = part.within
        places = slice(part.first + within.start, part.first + within.stop) if isinstance(within, slice) else part.first + within
        # Kept as bits: of as many patterns as rows numbers would be as large as the rows.
        return self._is_in[self._pattern_of[places]].astype(np.float64)
