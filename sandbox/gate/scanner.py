"""CSV text to the offsets of its fields, for a block of complete records (RFC 4180). Vectorised; knows nothing of columns or values.

Separators are commas, records end with a newline (or carriage return and newline), a field that starts with a quote ends with one and
doubles the quotes inside. Whatever is not that is an error with an offset: two readers must never see two different tables in one file.
:class:`RecordReader` cuts a stream into blocks of complete records without ever holding more than one block and one record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code

BLOCK_BYTES: Final = 1 << 20
_COMMA, _NEWLINE, _RETURN, _QUOTE, _TAB, _SPACE, _DELETE = 44, 10, 13, 34, 9, 32, 127
_IS_SPECIAL: Final = np.zeros(256, dtype=bool)
# Control bytes are special because they have no business in a CSV file; NUL would also end a field for some readers.
_IS_SPECIAL[:_SPACE] = True
_IS_SPECIAL[_TAB] = False
_IS_SPECIAL[[_DELETE, _COMMA, _QUOTE]] = True
_IS_ALLOWED: Final = np.zeros(256, dtype=bool)
_IS_ALLOWED[[_COMMA, _NEWLINE, _RETURN, _QUOTE]] = True

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


def scan(block: bytes | npt.NDArray[np.uint8], n_fields: int) -> Scan:
    """The fields of `block`, which must consist of complete records of `n_fields` fields. Raises :class:`ScanError`."""
    data = np.frombuffer(block, dtype=np.uint8)
    plain = _scan_plain(data, n_fields)
    if plain is not None:
        return plain
    positions, kinds = _specials(data)
    if not _IS_ALLOWED[kinds].all():
        raise ScanError(Code.DATA_MALFORMED, int(positions[~_IS_ALLOWED[kinds]][0]))
    is_quote = kinds == _QUOTE
    if is_quote.any():
        _check_quotes(data, positions[is_quote])
        is_outside = ~is_quote & (np.cumsum(is_quote) % 2 == 0)
        positions, kinds = positions[is_outside], kinds[is_outside]
    is_return = kinds == _RETURN
    if is_return.any():
        _check_returns(data, positions[is_return])
        positions, kinds = positions[~is_return], kinds[~is_return]
    is_end = kinds == _NEWLINE
    if len(data) and not (is_end.any() and positions[-1] == len(data) - 1 and is_end[-1]):
        positions, is_end = np.append(positions, len(data)), np.append(is_end, True)
    return _fields(data, positions, np.flatnonzero(is_end), n_fields)


def _scan_plain(data: npt.NDArray[np.uint8], n_fields: int) -> Scan | None:
    """The fields of a block without quotes and without errors, as nearly all are: a few passes over its bytes. None for any other."""
    is_end = data == _NEWLINE
    n_records, n_control, n_returns = int(np.count_nonzero(is_end)), int(np.count_nonzero(data < _SPACE)), 0
    if n_control != n_records:
        n_returns = int(np.count_nonzero(data == _RETURN))
        n_control -= n_returns + int(np.count_nonzero(data == _TAB))
    if not n_records or n_control != n_records or (data == _QUOTE).any() or (data == _DELETE).any():
        return None
    positions = np.flatnonzero(is_end | (data == _COMMA))
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
        record_ends, has_return = record_ends.copy(), data[record_ends - 1] == _RETURN
        if np.count_nonzero(has_return) != n_returns:
            return None
        ends[:, -1] -= has_return
    return Scan(starts, ends, starts[:, 0], record_ends)


def _specials(data: npt.NDArray[np.uint8]) -> tuple[Offsets, npt.NDArray[np.uint8]]:
    """Offsets of the special bytes, and the bytes."""
    # One comparison finds nearly all of them and hardly anything else: digits, letters, point and minus are above the comma.
    is_low = data <= _COMMA
    if (data == _DELETE).any():
        is_low |= data == _DELETE
    positions = np.flatnonzero(is_low)
    kinds = data[positions]
    is_special = _IS_SPECIAL[kinds]
    if is_special.all():
        return positions, kinds
    return positions[is_special], kinds[is_special]


def count_fields(record: bytes) -> int:
    """Number of fields of one record."""
    data = np.frombuffer(record, dtype=np.uint8)
    is_inside = np.cumsum(data == _QUOTE) % 2 == 1
    return 1 + int(((data == _COMMA) & ~is_inside).sum())


def complete_length(block: bytes) -> int:
    """Number of leading bytes of `block` that are complete records."""
    if _QUOTE not in block:
        return block.rfind(b"\n") + 1
    ends = _record_ends(block)
    return int(ends[-1]) + 1 if len(ends) else 0


def first_length(block: bytes) -> int:
    """Number of bytes of the first record of `block`, line end included; all of it when no record ends."""
    newline = block.find(b"\n")
    if newline >= 0 and _QUOTE not in block[:newline]:
        return newline + 1
    ends = _record_ends(block)
    return int(ends[0]) + 1 if len(ends) else len(block)


def field_text(raw: bytes) -> str:
    """The text of a field: outer quotes removed, doubled quotes single."""
    if raw.startswith(b'"'):
        raw = raw[1:-1].replace(b'""', b'"')
    return raw.decode("utf-8")


def count_lines(block: bytes) -> int:
    """Number of newlines, those inside quotes too."""
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == _NEWLINE))


class RecordReader:
    """Cuts a stream of bytes into blocks of complete records of about :data:`BLOCK_BYTES`."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
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
            length = complete_length(block)
            self._pieces, self._n_bytes = [block[length:]], len(block) - length
            if length:
                yield block[:length]
            if self._n_bytes > self._max_line_bytes:
                raise ScanError(Code.DATA_LINE_TOO_LONG, 0)

    def finish(self) -> bytes:
        """What is left: complete records, the last perhaps without a line end."""
        block = b"".join(self._pieces)
        self._pieces.clear()
        return block


def _record_ends(block: bytes) -> Offsets:
    data = np.frombuffer(block, dtype=np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    quotes = np.flatnonzero(data == _QUOTE)
    ends: Offsets = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return ends


def _check_quotes(data: npt.NDArray[np.uint8], quotes: Offsets) -> None:
    """Quotes must open a field, close it, or stand doubled inside one."""
    padded = np.concatenate(([_NEWLINE], data, [_NEWLINE]))
    before, after = padded[quotes], padded[quotes + 2]
    opening, closing = slice(0, None, 2), slice(1, None, 2)
    is_first = (before[opening] == _COMMA) | (before[opening] == _NEWLINE)
    # The second half of a doubled quote: its neighbour closed the field a byte before.
    is_first[1:] |= quotes[2::2] == quotes[1:-1:2] + 1
    if not is_first.all():
        raise ScanError(Code.DATA_MALFORMED, int(quotes[opening][~is_first][0]))
    if len(quotes) % 2:
        raise ScanError(Code.DATA_QUOTE_OPEN, int(quotes[-1]))
    is_last = np.isin(after[closing], (_COMMA, _NEWLINE, _RETURN, _QUOTE))
    if not is_last.all():
        raise ScanError(Code.DATA_MALFORMED, int(quotes[closing][~is_last][0]))


def _check_returns(data: npt.NDArray[np.uint8], returns: Offsets) -> None:
    """A carriage return outside quotes must be part of a line end."""
    following = data[np.minimum(returns + 1, len(data) - 1)]
    if not (following == _NEWLINE).all():
        raise ScanError(Code.DATA_MALFORMED, int(returns[following != _NEWLINE][0]))


def _starts(positions: Offsets, n_fields: int) -> Offsets:
    """Where the fields start that end at `positions`, shape (records, fields)."""
    starts = np.zeros(len(positions), dtype=np.intp)
    np.add(positions[:-1], 1, out=starts[1:])
    return starts.reshape(-1, n_fields)


def _fields(data: npt.NDArray[np.uint8], positions: Offsets, ends_at: Offsets, n_fields: int) -> Scan:
    counts = np.diff(ends_at, prepend=-1)
    if not (counts == n_fields).all():
        record = int(np.flatnonzero(counts != n_fields)[0])
        first_field = int(ends_at[record - 1]) + 1 if record else 0
        raise ScanError(Code.DATA_LINE_FIELDS, int(positions[first_field - 1]) + 1 if first_field else 0, int(counts[record]))
    starts = _starts(positions, n_fields)
    record_ends = positions[ends_at]
    ends = positions.reshape(-1, n_fields)
    if len(ends):
        last = ends[:, -1]
        has_return = (last > starts[:, -1]) & (data[last - 1] == _RETURN)
        if has_return.any():
            ends = ends.copy()
            ends[:, -1] -= has_return
    return Scan(starts, ends, starts[:, 0], record_ends)
