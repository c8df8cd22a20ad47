"""Cells that code filled: alike in two workers that have the rows in different secret orders. C3 of the study.

What may differ between two workers is rounding; what is kept is on a grid far coarser than that. Else the worker that has all rows could
write about one of them into digits that nobody compares, into every cell that it fills, and a later sum would read them back.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.release import round_to
from sandbox.gate.verification.contributions import Values

TOLERANCE: Final = 1e-9
"""Of max(1, |value|), in standardised units: a dot product may be added up in another order."""
GRID: Final = 2.0**-23
"""Of what is kept, in standardised units."""
MAX_AT_EDGES: Final = 3
"""Cells that two workers may put on either side of a step of the grid. Rounding (1e-14) does it to one cell in ten million."""


def check_fills(one: Values, other: Values, *, is_binary: bool, limit: float) -> list[Breach]:
    """Cell by cell the same, shape (cells,) each in the same order; finite and at most `limit`, or 0 or 1."""
    if is_binary:
        is_good = (one == other) & ((one == 0) | (one == 1))
    else:
        with np.errstate(invalid="ignore"):
            is_good = (np.abs(one - other) <= TOLERANCE * np.maximum(1.0, np.abs(one))) & (np.abs(one) <= limit)
    n_wrong = len(one) - int(np.count_nonzero(is_good))
    if n_wrong:
        return [Breach("row_state", n_wrong, limit)]
    n_at_edges = int(np.count_nonzero(round_fills(one) != round_fills(other)))
    n_allowed = max(MAX_AT_EDGES, len(one) >> 20)
    return [Breach("row_state", n_at_edges, n_allowed)] if n_at_edges > n_allowed else []


def round_fills(values: Values) -> Values:
    """What is kept of the values that a step filled in."""
    return round_to(values, np.asarray(GRID))
