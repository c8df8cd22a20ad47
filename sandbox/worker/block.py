"""`rows`, the first argument of every remote step of a pair that sees rows: some rows of the participant, all of them or a few.

Which rows, how many there are elsewhere and in what order they stand is nothing a step can know, and the gate calls it with the rows split
in more than one way: what it returns must add up. Everything is in standardised units and read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a design row has (1-based indices), which of them are targets, and where the levels of a binary one part."""

    columns: Sequence[int]
    targets: Sequence[int]
    n_intercepts: int
    thresholds: dict[int, float]

    @property
    def p(self) -> int:
        """Width of a design row."""
        return len(self.columns) + self.n_intercepts


class Block:
    """Rows of one call. Columns are named by their 1-based index; p = width of a design row, q = p − 1."""

    __slots__ = ("_layout", "_numbers", "_observed", "_values", "filled")

    def __init__(self, layout: Layout, values: Numbers, observed: Mask, numbers: Numbers | None) -> None:
        """`values` has shape (p, rows), `observed` (targets, rows), `numbers` (rows,)."""
        self._layout = layout
        self._values = values
        self._observed = observed
        self._numbers = numbers
        self.filled: dict[int, Numbers] = {}

    def matrix(self) -> Numbers:
        """The design rows, shape (rows, p): columns in the model in file order, then the intercepts. Missing cells are filled."""
        return self._values.T

    def design(self, target: int) -> Numbers:
        """The design of a target, shape (rows, q): :meth:`matrix` without its own column. A copy."""
        return np.delete(self._values, self._position(target), axis=0).T

    def outcome(self, target: int) -> Numbers:
        """A target as the outcome of its own fit, shape (rows,): standardised, or 0 and 1 when it is binary."""
        column: Numbers = self._values[self._position(target)]
        threshold = self._layout.thresholds.get(target)
        return column if threshold is None else (column > threshold).astype(np.float64)

    def observed(self, target: int) -> Mask:
        """Whether each row shows the target, shape (rows,)."""
        observed: Mask = self._observed[self._target(target)]
        return observed

    def normal(self) -> Numbers:
        """A standard normal number for each row, shape (rows,): the site's own, another one in every draw."""
        return self._drawn()

    def uniform(self) -> Numbers:
        """A number in (0, 1) for each row, shape (rows,); as :meth:`normal`. The manifest says which of the two a step gets."""
        return self._drawn()

    def fill(self, target: int, values: npt.ArrayLike) -> None:
        """Impute the missing cells of `target`: `values` has shape (rows,); those of rows that show it are ignored. 0 and 1 when binary."""
        self._target(target)
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != self._values.shape[1:]:
            raise ValueError("values has one number for every row")
        self.filled[target] = numbers

    def _drawn(self) -> Numbers:
        if self._numbers is None:
            raise ValueError("the manifest declares no draws for this step")
        return self._numbers

    def _position(self, index: int) -> int:
        if isinstance(index, bool) or index not in self._layout.columns:
            raise ValueError("a column is the 1-based index of one in the model")
        return self._layout.columns.index(index)

    def _target(self, index: int) -> int:
        if isinstance(index, bool) or index not in self._layout.targets:
            raise ValueError("a target is the 1-based index of one of the job's")
        return self._layout.targets.index(index)
