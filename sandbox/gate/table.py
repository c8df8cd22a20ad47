"""The records of a block of text as a table: what everybody in the gate reads, values, levels and the writer of results alike.

Files come with lines that hold nothing: blank ones, rows of separators that a spreadsheet appended, separators behind the last column.
They are taken out here, so that what is kept, read and written again is one table with one row for one person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code
from sandbox.gate.dialect import NEWLINE, PLAIN, RETURN, Dialect
from sandbox.gate.scanner import Offsets, Scan, ScanError, delimiters, field_text, scan


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of the contract are in a file."""

    n_columns: int
    dialect: Dialect = PLAIN
    n_before: int = 0
    """Columns before the first: 1 where a file has row names, as R writes them, under no name."""

    @property
    def n_fields(self) -> int:
        """Fields of a record."""
        return self.n_before + self.n_columns


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a block. `scan` has the columns of the contract only."""

    text: bytes
    scan: Scan
    layout: Layout
    first_line: int
    lines: npt.NDArray[np.intp] | None = None
    """The line of each row in the file where rows are not as they were there, shape (rows,)."""
    n_empty: int = 0
    """Lines without any value that were left out."""
    n_padded: int = 0
    """Rows whose empty fields behind the last column were left out."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.scan.n_records

    def line(self, row: int) -> int:
        """The line of the file in which a row starts."""
        if self.lines is not None:
            return self.first_line + int(self.lines[row])
        return self.first_line + self.text.count(self.layout.dialect.newline_bytes, 0, int(self.scan.record_starts[row]))

    def cell(self, row: int, column: int) -> str:
        """The text of a cell; `column` is the 1-based index of the contract."""
        return field_text(self.text[self.scan.starts[row, column - 1] : self.scan.ends[row, column - 1]])


def read_table(text: bytes, layout: Layout, first_line: int = 1) -> Table:
    """The table of a block of complete records. Raises :class:`ScanError` with an offset in `text`."""
    try:
        found = scan(text, layout.n_fields, layout.dialect)
        if not _has_empty_rows(text, found, layout.dialect):
            return Table(text, _without_first(found, layout), layout, first_line)
    except ScanError as error:
        if error.code is not Code.DATA_LINE_FIELDS:
            raise
    return _tidied(text, layout, first_line)


def scan_table(text: bytes, layout: Layout) -> Scan:
    """The fields of the columns of the contract in a text that a table was read from: what :attr:`Table.scan` was."""
    return _without_first(scan(text, layout.n_fields, layout.dialect), layout)


def _without_first(found: Scan, layout: Layout) -> Scan:
    if not layout.n_before:
        return found
    return Scan(found.starts[:, layout.n_before :], found.ends[:, layout.n_before :], found.record_starts, found.record_ends)


def _has_empty_rows(text: bytes, found: Scan, dialect: Dialect) -> bool:
    data = np.frombuffer(text, dtype=np.uint8)
    # At the very end a last record may have no byte.
    firsts = data[np.minimum(found.record_starts, len(data) - 1)] if len(data) else data
    candidates = np.flatnonzero(np.isin(firsts, np.frombuffer(dialect.blank, dtype=np.uint8)))
    return any(_is_empty(text, found, row, dialect) for row in candidates.tolist())


def _is_empty(text: bytes, found: Scan, row: int, dialect: Dialect) -> bool:
    return not text[found.record_starts[row] : found.record_ends[row]].strip(dialect.blank)


def _tidied(text: bytes, layout: Layout, first_line: int) -> Table:
    """The table of a text with lines that hold nothing, or with empty fields behind the last column."""
    data = np.frombuffer(text, dtype=np.uint8)
    positions, ends_at = delimiters(data, layout.dialect)
    ends = positions[ends_at]
    counts = np.diff(ends_at, prepend=-1)
    starts = np.concatenate(([0], ends[:-1] + 1))
    blank = layout.dialect.blank
    is_kept = ends > starts
    firsts = data[np.minimum(starts, len(data) - 1)]
    is_odd = is_kept & ((counts != layout.n_fields) | np.isin(firsts, np.frombuffer(blank, dtype=np.uint8)))
    cuts = [(int(start), int(start) + 1) for start in starts[~is_kept]]
    n_padded = 0
    for row in np.flatnonzero(is_odd).tolist():
        start, end, n_fields = int(starts[row]), int(ends[row]), int(counts[row])
        if not text[start:end].strip(blank):
            is_kept[row] = False
            cuts.append((start, end + 1))
        elif n_fields != layout.n_fields:
            last = int(positions[ends_at[row] - n_fields + layout.n_fields]) if n_fields > layout.n_fields else start
            if text[last:end].strip(blank):
                raise ScanError(Code.DATA_LINE_FIELDS, start, n_fields)
            has_return = layout.dialect.newline == NEWLINE and text[end - 1] == RETURN
            cuts.append((last, end - has_return))
            n_padded += 1
    tidy = _without(text, sorted(cuts))
    lines = _lines_before(data, starts, layout.dialect)[is_kept]
    found = scan(tidy, layout.n_fields, layout.dialect)
    return Table(tidy, _without_first(found, layout), layout, first_line, lines, int(len(counts) - is_kept.sum()), n_padded)


def _without(text: bytes, cuts: list[tuple[int, int]]) -> bytes:
    """`text` without some ranges, in ascending order."""
    pieces, at = [], 0
    for start, end in cuts:
        pieces.append(text[at:start])
        at = end
    return b"".join((*pieces, text[at:]))


def _lines_before(data: npt.NDArray[np.uint8], starts: Offsets, dialect: Dialect) -> npt.NDArray[np.intp]:
    """For each offset, the line ends before it, shape (offsets,)."""
    lines: npt.NDArray[np.intp] = np.searchsorted(np.flatnonzero(data == dialect.newline), starts)
    return lines
