"""The header of a file: what stands before it, its names, and where the columns are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sandbox.contract import plain_name
from sandbox.errors import Code
from sandbox.gate.dialect import NEWLINE, RETURN, Dialect, separator_line_length
from sandbox.gate.scanner import ScanError, count_fields, count_lines, field_text, first_length, scan
from sandbox.gate.text import MARK

MAX_COLUMNS: Final = 10_000
"""More is no table of a study, and the time to read one grows with the square of its columns."""


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns."""

    text: bytes
    """The record with its line end, without empty fields behind the last name."""
    names: tuple[str, ...]
    """Without blanks around them."""
    n_before: int
    """1 when the first column has no name: row names, as R writes them."""
    is_padded: bool
    """Whether empty fields stood behind the last name."""
    n_trimmed: int
    """Names that had blanks around them."""
    is_renamed: bool
    """Whether a name is written otherwise in the file."""


class HeaderReader:
    """Finds the header in the first blocks of a file."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.preface = b""
        """What comes before all lines of the table: a byte order mark, and a line that names the separator."""
        self.n_empty = 0
        """Lines without any value before the header."""
        self.n_lines = 0
        """Line ends before the header."""
        self._is_first = True

    def read(self, block: bytes, dialect: Dialect) -> bytes:
        """Take the header from a block of complete records; the rest of the block. Raises :class:`ScanError` with the number of columns."""
        if self._is_first:
            self._is_first = False
            block = self._without_preface(block, dialect)
        block = self._without_empty_lines(block, dialect)
        if not block:
            return b""
        length = first_length(block, dialect)
        self.header = _parse(block[:length], dialect)
        return block[length:]

    def _without_preface(self, block: bytes, dialect: Dialect) -> bytes:
        if block.startswith(MARK):
            self.preface, block = MARK, block[len(MARK) :]
        length = separator_line_length(block)
        if length:
            length = first_length(block, dialect)
            self.preface += block[:length]
            self.n_lines += count_lines(block[:length], dialect)
        return block[length:]

    def _without_empty_lines(self, block: bytes, dialect: Dialect) -> bytes:
        end = rb"\r?\n" if dialect.newline == NEWLINE else rb"\r"
        found = re.match(rb'(?:[ \t"%b]*%b)*' % (re.escape(dialect.separator_text.encode()), end), block)
        length = found.end() if found else 0
        if not block[length:].strip(dialect.blank):
            length = len(block)
        n_lines = count_lines(block[:length], dialect)
        self.n_empty += n_lines
        self.n_lines += n_lines
        return block[length:]


def _parse(text: bytes, dialect: Dialect) -> Header:
    n_fields = count_fields(text, dialect)
    if n_fields > MAX_COLUMNS:
        raise ScanError(Code.DATA_TOO_MANY_COLUMNS, 0, n_fields)
    scanned = scan(text, n_fields, dialect)
    written = [field_text(text[start:end]) for start, end in zip(scanned.starts[0], scanned.ends[0], strict=True)]
    names = [plain_name(name) for name in written]
    n_named = max(place for place, name in enumerate(names, 1) if name or place == 1)
    n_before = int(not names[0] and n_named > 1)
    line_end = text[scanned.record_ends[0] :]
    if dialect.newline == NEWLINE and text[: scanned.record_ends[0]].endswith(bytes([RETURN])):
        line_end = bytes([RETURN]) + line_end
    kept, plain = written[n_before:n_named], tuple(names[n_before:n_named])
    return Header(
        text[: scanned.ends[0, n_named - 1]] + line_end,
        plain,
        n_before,
        n_named < n_fields,
        sum(name != name.strip() for name in kept),
        tuple(kept) != plain,
    )
