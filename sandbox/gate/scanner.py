"""CSV text to the offsets of its fields, for a block of complete records (RFC 4180). Vectorised; knows nothing of columns or values.

What is between fields and what ends a record says the file's :class:`Dialect`: a comma and a newline (or carriage return and newline) in
most. A field that starts with a quote ends with one and doubles the quotes inside. Whatever is not that is an error with an offset: two
readers must never see two different tables in one file.
:class:`RecordReader` cuts a stream into blocks of complete records without ever holding more than one block and one record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code
from sandbox.gate.dialect import NEWLINE, PLAIN, QUOTE, RETURN, TAB, Dialect

BLOCK_BYTES: Final = 1 << 20
_SPACE, _DELETE = 32, 127
_MAX_LOW: Final = QUOTE
"""Control bytes, blanks and quotes are up to here: digits, letters, point and minus are above."""

Offsets = npt.NDArray[np.intp]


class ScanError(Exception):
    """A block is not CSV: `code`, the byte offset in the block, and the number of fields when that is what is wrong."""

    def __init__(self, code: Code, offset: int, n_fields: int = 0) -> None:
        super().__init__(code)
        self.code, self.offset, self.n_fields = code, offset, n_fields


@dataclass(frozen=True, slots=True)
class Scan:
    """Where the fields of a block are. `starts` and `ends` have shape (records, fields); quotes belong to the field."""

    starts: Offsets
    ends: Offsets
    record_starts: Offsets
    """Offset of the first byte of each record, shape (records,)."""
    record_ends: Offsets
    """Offset of each record's newline (of the end of the block for a last record without one), shape (records,)."""

    @property
    def n_records(self) -> int:
        """Number of records."""
        return len(self.record_starts)


def scan(block: bytes | npt.NDArray[np.uint8], n_fields: int, dialect: Dialect = PLAIN) -> Scan:
    """The fields of `block`, which must consist of complete records of `n_fields` fields. Raises :class:`ScanError`."""
    data = np.frombuffer(block, dtype=np.uint8)
    plain = _scan_plain(data, n_fields, dialect)
    if plain is not None:
        return plain
    positions, ends_at = delimiters(data, dialect)
    return _fields(data, positions, ends_at, n_fields, dialect)


def delimiters(data: npt.NDArray[np.uint8], dialect: Dialect) -> tuple[Offsets, Offsets]:
    """The end of every field of complete records, and which of these ends are ends of records. Raises :class:`ScanError`."""
    positions, kinds = _specials(data, dialect)
    is_allowed = _allowed(dialect)[kinds]
    if not is_allowed.all():
        raise ScanError(Code.DATA_MALFORMED, int(positions[~is_allowed][0]))
    is_quote = kinds == QUOTE
    if is_quote.any():
        _check_quotes(data, positions[is_quote], dialect)
        is_outside = ~is_quote & (np.cumsum(is_quote) % 2 == 0)
        positions, kinds = positions[is_outside], kinds[is_outside]
    is_other = kinds == RETURN if dialect.newline == NEWLINE else kinds == NEWLINE
    if is_other.any():
        _check_returns(data, positions[is_other], dialect)
        positions, kinds = positions[~is_other], kinds[~is_other]
    is_end = kinds == dialect.newline
    if len(data) and not (is_end.any() and positions[-1] == len(data) - 1 and is_end[-1]):
        positions, is_end = np.append(positions, len(data)), np.append(is_end, True)
    return positions, np.flatnonzero(is_end)


def _scan_plain(data: npt.NDArray[np.uint8], n_fields: int, dialect: Dialect) -> Scan | None:
    """The fields of a block without quotes and without errors, as nearly all are: a few passes over its bytes. None for any other."""
    is_end = data == dialect.newline
    n_records, n_control, n_returns = int(np.count_nonzero(is_end)), int(np.count_nonzero(data < _SPACE)), 0
    if n_control != n_records:
        # Where a carriage return ends a line it is counted already, and a newline is none.
        n_returns = int(np.count_nonzero(data == RETURN)) if dialect.newline == NEWLINE else 0
        n_control -= n_returns + int(np.count_nonzero(data == TAB))
    if not n_records or n_control != n_records or (data == QUOTE).any() or (data == _DELETE).any():
        return None
    positions = np.flatnonzero(is_end | (data == dialect.separator))
    if len(positions) != n_records * n_fields or positions[-1] != len(data) - 1:
        return None
    ends = positions.reshape(-1, n_fields)
    record_ends = ends[:, -1]
    # As many newlines as records, so each is the end of one.
    if not is_end[record_ends].all():
        return None
    starts = _starts(positions, n_fields)
    if n_returns:
        # All of them before a newline, or they are not part of line ends.
        record_ends, has_return = record_ends.copy(), data[record_ends - 1] == RETURN
        if np.count_nonzero(has_return) != n_returns:
            return None
        ends[:, -1] -= has_return
    return Scan(starts, ends, starts[:, 0], record_ends)


def _specials(data: npt.NDArray[np.uint8], dialect: Dialect) -> tuple[Offsets, npt.NDArray[np.uint8]]:
    """Offsets of the special bytes, and the bytes."""
    is_low = (data <= _MAX_LOW) | (data == dialect.separator)
    if (data == _DELETE).any():
        is_low |= data == _DELETE
    positions = np.flatnonzero(is_low)
    kinds = data[positions]
    is_special = _special(dialect)[kinds]
    if is_special.all():
        return positions, kinds
    return positions[is_special], kinds[is_special]


@cache
def _special(dialect: Dialect) -> npt.NDArray[np.bool_]:
    """Which bytes are special, shape (256,)."""
    # Control bytes are, because they have no business in a CSV file; NUL would also end a field for some readers.
    result = np.zeros(256, dtype=bool)
    result[:_SPACE] = True
    result[TAB] = False
    result[[_DELETE, dialect.separator, QUOTE]] = True
    return result


@cache
def _allowed(dialect: Dialect) -> npt.NDArray[np.bool_]:
    """Which of the special bytes a file may hold, shape (256,)."""
    result = np.zeros(256, dtype=bool)
    result[[dialect.separator, NEWLINE, RETURN, QUOTE]] = True
    return result


def count_fields(record: bytes, dialect: Dialect = PLAIN) -> int:
    """Number of fields of one record."""
    data = np.frombuffer(record, dtype=np.uint8)
    is_inside = np.cumsum(data == QUOTE) % 2 == 1
    return 1 + int(((data == dialect.separator) & ~is_inside).sum())


def complete_length(block: bytes, dialect: Dialect = PLAIN) -> int:
    """Number of leading bytes of `block` that are complete records."""
    if QUOTE not in block:
        return block.rfind(dialect.newline_bytes) + 1
    ends = _record_ends(block, dialect)
    return int(ends[-1]) + 1 if len(ends) else 0


def first_length(block: bytes, dialect: Dialect = PLAIN) -> int:
    """Number of bytes of the first record of `block`, line end included; all of it when no record ends."""
    newline = block.find(dialect.newline_bytes)
    if newline >= 0 and QUOTE not in block[:newline]:
        return newline + 1
    ends = _record_ends(block, dialect)
    return int(ends[0]) + 1 if len(ends) else len(block)


def field_text(raw: bytes) -> str:
    """The text of a field: outer quotes removed, doubled quotes single."""
    if raw.startswith(b'"'):
        raw = raw[1:-1].replace(b'""', b'"')
    return raw.decode("utf-8")


def count_lines(block: bytes, dialect: Dialect = PLAIN) -> int:
    """Number of line ends, those inside quotes too."""
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == dialect.newline))


class RecordReader:
    """Cuts a stream of bytes into blocks of complete records of about :data:`BLOCK_BYTES`."""

    def __init__(self, max_line_bytes: int, dialect: Dialect = PLAIN) -> None:
        self._max_line_bytes = max_line_bytes
        self._dialect = dialect
        self._pieces: list[bytes] = []
        self._n_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The blocks completed by `data`.

        Raises :class:`ScanError`, after the blocks before it, when a record that has not ended is longer than the limit.
        """
        self._pieces.append(data)
        self._n_bytes += len(data)
        if self._n_bytes >= BLOCK_BYTES:
            block = b"".join(self._pieces)
            length = complete_length(block, self._dialect)
            self._pieces, self._n_bytes = [block[length:]], len(block) - length
            if length:
                yield block[:length]
            if self._n_bytes > self._max_line_bytes:
                raise ScanError(Code.DATA_LINE_TOO_LONG, 0)

    @property
    def n_lines(self) -> int:
        """Line ends in what is held."""
        return sum(count_lines(piece, self._dialect) for piece in self._pieces)

    def finish(self) -> bytes:
        """What is left: complete records, the last perhaps without a line end."""
        block = b"".join(self._pieces)
        self._pieces.clear()
        return block


def _record_ends(block: bytes, dialect: Dialect) -> Offsets:
    data = np.frombuffer(block, dtype=np.uint8)
    newlines = np.flatnonzero(data == dialect.newline)
    quotes = np.flatnonzero(data == QUOTE)
    ends: Offsets = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return ends


def _check_quotes(data: npt.NDArray[np.uint8], quotes: Offsets, dialect: Dialect) -> None:
    """Quotes must open a field, close it, or stand doubled inside one."""
    padded = np.concatenate(([dialect.newline], data, [dialect.newline]))
    before, after = padded[quotes], padded[quotes + 2]
    opening, closing = slice(0, None, 2), slice(1, None, 2)
    is_first = (before[opening] == dialect.separator) | (before[opening] == dialect.newline)
    # The second half of a doubled quote: its neighbour closed the field a byte before.
    is_first[1:] |= quotes[2::2] == quotes[1:-1:2] + 1
    if not is_first.all():
        raise ScanError(Code.DATA_MALFORMED, int(quotes[opening][~is_first][0]))
    if len(quotes) % 2:
        raise ScanError(Code.DATA_QUOTE_OPEN, int(quotes[-1]))
    is_last = np.isin(after[closing], (dialect.separator, dialect.newline, RETURN, QUOTE))
    if not is_last.all():
        raise ScanError(Code.DATA_MALFORMED, int(quotes[closing][~is_last][0]))


def _check_returns(data: npt.NDArray[np.uint8], others: Offsets, dialect: Dialect) -> None:
    """A carriage return outside quotes must be part of a line end; where it is the line end, a newline outside quotes is none."""
    if dialect.newline == RETURN:
        raise ScanError(Code.DATA_MALFORMED, int(others[0]))
    following = data[np.minimum(others + 1, len(data) - 1)]
    if not (following == NEWLINE).all():
        raise ScanError(Code.DATA_MALFORMED, int(others[following != NEWLINE][0]))


def _starts(positions: Offsets, n_fields: int) -> Offsets:
    """Where the fields start that end at `positions`, shape (records, fields)."""
    starts = np.zeros(len(positions), dtype=np.intp)
    np.add(positions[:-1], 1, out=starts[1:])
    return starts.reshape(-1, n_fields)


def _fields(data: npt.NDArray[np.uint8], positions: Offsets, ends_at: Offsets, n_fields: int, dialect: Dialect) -> Scan:
    counts = np.diff(ends_at, prepend=-1)
    if not (counts == n_fields).all():
        record = int(np.flatnonzero(counts != n_fields)[0])
        first_field = int(ends_at[record - 1]) + 1 if record else 0
        raise ScanError(Code.DATA_LINE_FIELDS, int(positions[first_field - 1]) + 1 if first_field else 0, int(counts[record]))
    starts = _starts(positions, n_fields)
    record_ends = positions[ends_at]
    ends = positions.reshape(-1, n_fields)
    if len(ends) and dialect.newline == NEWLINE:
        last = ends[:, -1]
        has_return = (last > starts[:, -1]) & (data[last - 1] == RETURN)
        if has_return.any():
            ends = ends.copy()
            ends[:, -1] -= has_return
    return Scan(starts, ends, starts[:, 0], record_ends)
