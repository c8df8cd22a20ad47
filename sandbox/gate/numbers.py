"""Columns of numbers, parsed by pandas' C engine from a table.

pandas is fast but has ideas of its own (a column of True is 1.0, for instance), so what a number is says :data:`sandbox.contract.NUMBER`
and, for decimal commas and marked thousands, :mod:`sandbox.gate.marks`: pandas may only be faster, never more generous. Its exceptions
quote cells; they end here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sandbox.contract import NUMBER
from sandbox.gate.dialect import RETURN
from sandbox.gate.levels import Tokens
from sandbox.gate.marks import COMMA, POINT, WITH_COMMA, Mark, Marks, is_number, look, read_column
from sandbox.gate.table import Table

Values = npt.NDArray[np.float64]
_QUOTE, _ZERO, _NINE = 34, 48, 57


@dataclass(slots=True)
class Numbers:
    """What a table holds in its columns of numbers."""

    values: Values
    """NaN where missing, shape (rows, columns), in the order that was asked for; of columns with a bad row they mean nothing."""
    bad_rows: dict[int, int] = field(default_factory=dict)
    """The first row with a cell that is no number, by the column's 1-based index."""


class NumberReader:
    """Reads the columns of numbers of one file, table by table."""

    def __init__(self, missing: tuple[str, ...], marks: Marks, own: Mapping[int, tuple[str, ...]] | None = None) -> None:
        """`missing`: the tokens that are no numbers; `own`: more of them, of single columns by their 1-based indices."""
        self._missing = missing
        self._own = own or {}
        self._tokens = Tokens(missing)
        self._own_tokens = {index: Tokens((*missing, *more)) for index, more in self._own.items()}
        self._marks = marks
        self._slow: set[int] = set()
        """Columns that pandas cannot read: thousands are marked in them, or their mark is not decided."""
        self._n_rows = 0

    def read(self, table: Table, columns: Sequence[int]) -> Numbers:
        """Parse `columns` (1-based, ascending) of the next table."""
        numbers = Numbers(np.empty((table.n_rows, 0)))
        doubtful: list[int] = []
        marked: tuple[Mark, ...] = (POINT, COMMA)
        for mark in marked:
            group = [place for place, column in enumerate(columns) if self._is_fast(column, mark)]
            if not group:
                continue
            asked = [columns[place] for place in group]
            values = self._parse(table, asked, mark)
            if values is None:
                doubtful += group
                continue
            if len(group) == len(columns):
                numbers.values = values
            else:
                self._make_room(numbers, table, columns)
                numbers.values[:, group] = values
            doubtful += [group[place] for place in np.flatnonzero(~self._start_with_number(table, asked, values, mark)).tolist()]
        doubtful += [place for place, column in enumerate(columns) if column in self._slow]
        if doubtful:
            self._make_room(numbers, table, columns)
        for place in sorted(doubtful):
            self._read_alone(table, columns[place], numbers, place)
        has_points = b"." in table.text
        for place in sorted(set(range(len(columns))) - set(doubtful)):
            self._look(table, columns[place], numbers.values[:, place], has_points=has_points)
        self._n_rows += table.n_rows
        return numbers

    def _is_fast(self, column: int, mark: Mark) -> bool:
        return column not in self._slow and (self._marks.of(column) or POINT) == mark

    @staticmethod
    def _make_room(numbers: Numbers, table: Table, columns: Sequence[int]) -> None:
        if numbers.values.shape[1] != len(columns):
            numbers.values = np.empty((table.n_rows, len(columns)), order="F")

    def _look(self, table: Table, column: int, values: Values, *, has_points: bool = True) -> None:
        if self._marks.of(column) is not None:
            return
        if has_points:
            look(table, column, values, self._marks, self._n_rows)
        else:
            self._marks.note_plain(column, values)

    def _read_alone(self, table: Table, column: int, numbers: Numbers, place: int) -> None:
        """Parse a column that spoilt the others, or may have."""
        mark = self._marks.of(column) or POINT
        first = self._first(table, column)
        if first is not None and not is_number(table.cell(first, column)):
            # Most columns that are no numbers are words from the first cell on: parsing a block once for each would take all day.
            numbers.bad_rows[column] = first
            return
        pattern = WITH_COMMA if mark == COMMA else NUMBER
        if column not in self._slow and (first is None or pattern.match(table.cell(first, column))):
            parsed = self._parse(table, [column], mark)
            if parsed is not None and self._start_with_number(table, [column], parsed, mark)[0]:
                numbers.values[:, place] = parsed[:, 0]
                self._look(table, column, parsed[:, 0])
                return
        is_missing = [table.cell(row, column) in self._tokens_of(column) for row in range(table.n_rows)]
        values, bad = read_column(table, column, is_missing, self._marks, self._n_rows)
        numbers.values[:, place] = values
        if bad is not None:
            numbers.bad_rows[column] = bad
        if self._marks.of(column) is None or column in self._marks.grouped:
            self._slow.add(column)
        else:
            self._slow.discard(column)

    def _parse(self, table: Table, columns: Sequence[int], mark: Mark) -> Values | None:
        dialect = table.layout.dialect
        try:
            frame = pd.read_csv(
                io.BytesIO(table.text),
                header=None,
                names=range(table.layout.n_fields),
                index_col=False,
                usecols=[table.layout.n_before + column - 1 for column in columns],
                dtype=np.float64,
                na_values=self._na_values(table, columns),
                keep_default_na=False,
                skip_blank_lines=False,
                low_memory=False,
                engine="c",
                sep=dialect.separator_text,
                decimal=mark,
                lineterminator="\r" if dialect.newline == RETURN else None,
            )
        except (ValueError, TypeError, OverflowError):
            return None
        values: Values = frame.to_numpy()
        return values if values.shape == (table.n_rows, len(columns)) else None

    def _na_values(self, table: Table, columns: Sequence[int]) -> Any:
        """What pandas shall read as missing, by the name that a column has there where some have tokens of their own."""
        if not self._own.keys() & set(columns):
            return list(self._missing)
        return {table.layout.n_before + column - 1: [*self._missing, *self._own.get(column, ())] for column in columns}

    def _tokens_of(self, column: int) -> Tokens:
        return self._own_tokens.get(column, self._tokens)

    def _first(self, table: Table, column: int) -> int | None:
        """The first row with an observed cell."""
        return next((row for row in range(table.n_rows) if table.cell(row, column) not in self._tokens_of(column)), None)

    @staticmethod
    def _start_with_number(table: Table, columns: Sequence[int], values: Values, mark: Mark) -> npt.NDArray[np.bool_]:
        """Whether the first observed cell of each column is a number, shape (columns,)."""
        # pandas reads a column as booleans only when every cell is one, so the first observed cell tells.
        result = np.ones(len(columns), dtype=bool)
        if not table.n_rows:
            return result
        pattern = WITH_COMMA if mark == COMMA else NUMBER
        firsts = np.isnan(values).argmin(axis=0).tolist()
        for position, (column, row) in enumerate(zip(columns, firsts, strict=True)):
            if np.isfinite(values[row, position]):
                result[position] = pattern.match(table.cell(row, column)) is not None
        return result


def has_leading_zeros(table: Table, column: int) -> bool:
    """Whether a cell of a column begins with a zero and another digit, as codes do and numbers do not."""
    data = np.frombuffer(table.text, dtype=np.uint8)
    if not len(data):
        return False
    starts, ends = table.scan.starts[:, column - 1], table.scan.ends[:, column - 1]
    last = len(data) - 1
    firsts = data[np.minimum(starts, last)]
    if not ((firsts == _ZERO) | (firsts == _QUOTE)).any():
        return False
    starts = starts + (firsts == _QUOTE)
    seconds = data[np.minimum(starts + 1, last)]
    is_zero = (data[np.minimum(starts, last)] == _ZERO) & (seconds >= _ZERO) & (seconds <= _NINE) & (starts + 1 < ends)
    return bool(is_zero.any())
