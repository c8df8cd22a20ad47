"""What a policy lets the life of a data set tell: how many numbers about one column, and how large their errors are. Pure.

Who knows all other rows sees one cell in every number about its column, and more rows do not hide it there. So the size of errors goes
with the root of how many numbers a life may tell: all of them together tell of a cell what :data:`NUMBERS_AT_NO_COST` do. A file of many
rows may tell more, for larger errors cost its fits no more than small ones cost few rows.
"""

from __future__ import annotations

import math
from typing import Final

from policies.policy import Policy

FITS_AT_NO_COST: Final = 2.5
"""Own fits whose sums together tell of a person what the Gram's errors are meant for (measured: `tests/disclosure/frontier.py`)."""
NUMBERS_AT_NO_COST: Final = 100
"""Numbers about one column of which, with `error` as it is, who knows all else makes a cell's value to the year five times in a
hundred more often than a guess (measured: `tests/disclosure/one_cell_study.py`)."""


def max_numbers(policy: Policy, n_rows: int) -> int:
    """Numbers that contain one column, over the life of a file whose first version has so many rows."""
    return min(int(policy.max_numbers_per_row * n_rows), policy.max_numbers)


def error_size(policy: Policy, n_rows: int) -> float:
    """Standard deviation of an error, in what a typical person adds: ν, times the multipliers for all that a life may tell.

    Nothing that a job asks is in it: of two sizes of one error each would cancel the other. `n_rows` are those of the first version of
    the file, for all others have the errors of that.
    """
    fits = max(1.0, math.sqrt(policy.max_fits / FITS_AT_NO_COST))
    numbers = max(1.0, math.sqrt(max_numbers(policy, n_rows) / NUMBERS_AT_NO_COST))
    return policy.error * fits * numbers
