"""Combinations of levels: the rows that share their value in every column of two or three values of a fit that is not linear.

A Gram tells the tables of two columns (`tables`). The weights of a logistic fit or of a selection model are a function of all columns of a
row, so as many questions as there are combinations give what each of them adds (`policies.disclosure`, rule 2). Counted before Start, on
the observed raw values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.rows import Rows
from sandbox.gate.tables import MAX_LEVELS, Mask, Values, levels_of

Digits = npt.NDArray[np.uint8]
NOT_SHOWN: Final = MAX_LEVELS + 1
BASE: Final = NOT_SHOWN + 1
DIGITS_AT_ONCE: Final = 12
"""Of so many columns and a number below 2^34 for those before them 64 bits hold the code."""
FEWEST: Final = 3
"""Columns. Of two, their table says it."""


@dataclass(frozen=True, slots=True)
class Combinations:
    """How many rows have the combination of levels that each row has."""

    columns: tuple[int, ...]
    """1-based; the target is among them when whether it is missing, and its level, count too."""
    sizes: npt.NDArray[np.intp]
    """For each row that the fit uses how many have its combination, itself included, shape (rows,)."""

    def n_in_small(self, limit: int) -> int:
        """Rows whose combination fewer than `limit` have."""
        return int((self.sizes < limit).sum())


def combinations(rows: Rows, target: int, *, with_target: bool) -> Combinations:
    """Of the columns that a fit of `target` has, on the rows that it uses. Before standardisation only.

    A row that misses some of them (other targets) is compared in those that no row misses: its other cells change by chance.

    Args:
        rows: that take part.
        target: 1-based index.
        with_target: on all rows, by whether the target is missing and by its level, too: a selection model weighs both. Else on the
            rows that show the target.
    """
    outcome = rows.column(rows.position(target))
    is_used = np.ones(rows.n, dtype=bool) if with_target else ~np.isnan(outcome)
    found = [(index, _digits(rows.column(rows.position(index))[is_used])) for index in rows.model if index != target]
    found.append((target, _with_missing(outcome) if with_target else None))
    digits = {index: digit for index, digit in found if digit is not None}
    everywhere = [digit for digit in digits.values() if not (digit == NOT_SHOWN).any()]
    is_complete = np.ones(int(is_used.sum()), dtype=bool)
    for digit in digits.values():
        is_complete &= digit != NOT_SHOWN
    sizes = _sizes(everywhere, np.ones_like(is_complete))
    sizes[is_complete] = np.minimum(sizes[is_complete], _sizes(list(digits.values()), is_complete))
    return Combinations(tuple(digits), sizes)


def _digits(values: Values) -> Digits | None:
    """The number of each row's level; None for a column without levels."""
    levels = np.sort(levels_of(values))
    digit = np.searchsorted(levels, values).astype(np.uint8)
    digit[np.isnan(values)] = NOT_SHOWN
    return digit if len(levels) else None


def _with_missing(values: Values) -> Digits | None:
    """The same of a target: that it is missing is a level, and of one without levels that it is shown the other; None if all are alike."""
    digit = np.searchsorted(np.sort(levels_of(values)), values).astype(np.uint8)
    digit[np.isnan(values)] = MAX_LEVELS
    return digit if len(digit) and np.ptp(digit) else None


def _sizes(digits: Sequence[Digits], rows: Mask) -> npt.NDArray[np.intp]:
    """How many of `rows` have the digits of each of them; of too few columns, as if everybody had."""
    n_rows = int(rows.sum())
    if len(digits) < FEWEST:
        return np.full(n_rows, len(rows))
    code = np.zeros(n_rows, dtype=np.int64)
    for number, digit in enumerate(digits, start=1):
        code = code * BASE + digit[rows]
        if number % DIGITS_AT_ONCE == 0:
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
    _, of_row, counts = np.unique(code, return_inverse=True, return_counts=True)
    sizes: npt.NDArray[np.intp] = counts[of_row]
    return sizes
