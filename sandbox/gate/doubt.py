"""A column that nobody named and that holds a word: words, or numbers with an error? Told by its first observed cells."""

from __future__ import annotations

from typing import Final

from sandbox.gate.levels import Tokens
from sandbox.gate.marks import is_number
from sandbox.gate.table import Table

MAX_CELLS: Final = 200
"""So many observed cells tell what a column holds."""


class Doubt:
    """One such column."""

    def __init__(self, n_numbers: int, line: int) -> None:
        """`n_numbers`: how many numbers came in the tables before the one with the first word, which is on `line`."""
        self.line = line
        self._n_numbers = n_numbers
        self._n_words = 0

    def see(self, table: Table, column: int, tokens: Tokens) -> None:
        """Look at the cells of a table, the one with the first word at first, until there are enough."""
        for row in range(table.n_rows):
            if self._n_numbers + self._n_words >= MAX_CELLS:
                return
            text = table.cell(row, column)
            if text in tokens:
                continue
            if is_number(text):
                self._n_numbers += 1
            else:
                self._n_words += 1

    @property
    def is_numbers(self) -> bool:
        """Whether it is a column of numbers in which a word is an error."""
        return self._n_numbers > 0 and self._n_numbers >= self._n_words
