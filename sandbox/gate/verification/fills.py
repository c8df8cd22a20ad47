"""Cells that code filled: alike in workers that have the rows in different secret orders. C3 of the study."""

from __future__ import annotations

from typing import Final

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import Values

TOLERANCE: Final = 1e-9
"""Of max(1, |value|), in standardised units: a dot product may be added up in another order."""


def check_fills(one: Values, other: Values, *, is_binary: bool, limit: float) -> list[Breach]:
    """Cell by cell the same, shape (cells,) each in the same order; finite and at most `limit`, or 0 or 1."""
    if is_binary:
        is_good = (one == other) & ((one == 0) | (one == 1))
    else:
        with np.errstate(invalid="ignore"):
            is_good = (np.abs(one - other) <= TOLERANCE * np.maximum(1.0, np.abs(one))) & (np.abs(one) <= limit)
    n_wrong = len(one) - int(np.count_nonzero(is_good))
    return [Breach("row_state", n_wrong, limit)] if n_wrong else []
