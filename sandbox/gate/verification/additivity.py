"""Whether a number that was declared a sum or a count is one: all rows at once give what micro-blocks of another order add up to.

With C1 of the study, a number is Σφ(row), whatever the code does: not the first row, not a maximum, nothing that depends on order or size.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from policies import Policy
from policies.disclosure import Breach, check_crossing
from sandbox.gate.verification.contributions import OF_ONE_BLOCK, TAU, Values, magnitude

LARGEST: Final = 2.0**100
"""Sums of standardised columns are neither larger nor, unless zero, smaller than its inverse: their squares would overflow or vanish."""


def check_additive(whole: Values, blocks: Values) -> list[Breach]:
    """Every number on all rows, shape (q,), equals the sum over the blocks, shape (M, q), to rounding. Not a number: not a sum."""
    scale = np.maximum(magnitude(blocks), np.abs(whole))
    with np.errstate(invalid="ignore"):
        is_sum = np.abs(whole - blocks.sum(axis=0)) <= TAU * scale
    is_sum &= (scale == 0) | ((scale >= 1 / LARGEST) & (scale <= LARGEST))
    n_wrong = len(whole) - int(np.count_nonzero(is_sum))
    return [Breach("additive", n_wrong)] if n_wrong else []


def check_memory(blocks: Values, again: Values) -> list[Breach]:
    """Every block is answered alike by two workers, shape (M, q) each: what one of them saw besides has no part in it."""
    if np.array_equal(blocks, again):
        return []
    floor = TAU * np.maximum(np.abs(blocks), OF_ONE_BLOCK * magnitude(blocks))
    return [Breach("additive")] if (np.abs(blocks - again) > floor).any() else []


def check_counts(whole: Values, blocks: Values, sizes: Values, policy: Policy) -> list[Breach]:
    """Every number counts rows: whole, none to all rows of each block, exactly additive; and no few people are counted or left out."""
    is_whole = (blocks == np.floor(blocks)).all(axis=0) & (blocks >= 0).all(axis=0) & (blocks <= sizes[:, None]).all(axis=0)
    is_count = is_whole & (whole == blocks.sum(axis=0))
    if not is_count.all():
        return [Breach("additive", len(whole) - int(np.count_nonzero(is_count)))]
    n_rows = int(sizes.sum())
    cells = sorted({cell for total in whole for cell in (int(total), n_rows - int(total))})
    return [breach for cell in cells for breach in check_crossing(cell, policy)][:1]
