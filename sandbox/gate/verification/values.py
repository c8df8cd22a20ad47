"""A number that leaves and is the value of a cell. C8 of the study: it catches naive code only, the other rules catch the rest.

Where cells lie dense, sums meet some by chance, so what counts as equal shrinks with the gaps between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import Values

MAX_CELLS: Final = 1 << 22
"""Cells that are kept (32 MB)."""
SHARED: Final = 5
"""A value that so many cells have is nobody's; and sums of rounded values often are such a value."""
EQUAL: Final = 1e-9
"""Relative difference below which a number is a cell, when cells are sparse."""
OF_GAP: Final = 1e-6
"""Share of the local gap between cells: the chance that a number that falls among them is taken for one of them."""
MANY: Final = 10
"""Of so many numbers one may be a cell by chance: the sum of rounded values is one, too."""
NEIGHBOURS: Final = 8


def sorted_cells(columns: Iterable[Values]) -> Values:
    """The values of the cells of some columns, ascending, but for whole numbers and those that many cells have. Missing cells are NaN.

    When there are more than `MAX_CELLS`, each column keeps its first rows: give the rows in a secret order.
    """
    whole = [column for column in columns if len(column)]
    n_rows = max((len(column) for column in whole), default=0)
    share = MAX_CELLS // len(whole) if whole and n_rows * len(whole) > MAX_CELLS else n_rows
    cells = np.concatenate([np.empty(0), *(column[:share] for column in whole)])
    values, counts = np.unique(cells[np.isfinite(cells) & (cells != np.floor(cells))], return_counts=True)
    found: Values = values[counts < SHARED]
    return found


def check_values(whole: Values, cells: Values) -> list[Breach]:
    """No number equals a cell (`sorted_cells`); of many, one may."""
    if not len(cells):
        return []
    # The halves of a symmetric matrix are one number.
    numbers = np.unique(whole)
    right = np.clip(np.searchsorted(cells, numbers), 0, len(cells) - 1)
    left = np.maximum(right - 1, 0)
    distance = np.minimum(np.abs(numbers - cells[left]), np.abs(numbers - cells[right]))
    low, high = np.maximum(left - NEIGHBOURS, 0), np.minimum(right + NEIGHBOURS, len(cells) - 1)
    gap = (cells[high] - cells[low]) / np.maximum(high - low, 1)
    # A column with one value only has no gap: then the relative difference alone counts.
    equal = np.where(gap > 0, np.minimum(EQUAL * np.abs(numbers), OF_GAP * gap), EQUAL * np.abs(numbers))
    n_found = int(np.count_nonzero(distance <= equal))
    return [Breach("value", n_found)] if n_found > (len(numbers) >= MANY) else []
