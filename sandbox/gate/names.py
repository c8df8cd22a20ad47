"""Names of what was uploaded, for the ledger: of a file, and of the rows that take part. Keyed: no guess can be checked against them.

The same file, and the same rows of it, get the same name in every job at one participant, and nowhere else.
"""

from __future__ import annotations

import hmac
from typing import Final

import numpy as np

from sandbox.gate.rows import Rows

DIGITS: Final = 32
_FILE_LABEL: Final = b"tidegate data set v1"
_ROWS_LABEL: Final = b"tidegate rows v1"
EVERY: Final = "0"
"""Instead of a target: all rows that take part."""


class FileName:
    """The name of a file, fed piece by piece."""

    def __init__(self, secret: bytes) -> None:
        self._digest = hmac.new(secret, _FILE_LABEL, "sha256")

    def feed(self, data: bytes) -> None:
        """Take a piece of the file."""
        self._digest.update(data)

    def finish(self) -> str:
        """The name."""
        return self._digest.hexdigest()[:DIGITS]


def name_rows(secret: bytes, rows: Rows) -> dict[str, str]:
    """A name for each set of rows that answers are about: all that take part, and, by 1-based index, those that show each target."""
    names = {EVERY: _name(secret, np.sort(rows.file_rows))}
    for target in rows.targets:
        is_observed = np.ones(rows.n, dtype=bool)
        is_observed[rows.missing_places(target)] = False
        names[str(target)] = _name(secret, np.sort(rows.file_rows[is_observed]))
    return names


def _name(secret: bytes, places: np.ndarray) -> str:
    return hmac.digest(secret, _ROWS_LABEL + places.astype("<i8").tobytes(), "sha256").hex()[:DIGITS]
