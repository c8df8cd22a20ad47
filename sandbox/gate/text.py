"""The bytes of an upload as text: UTF-8 whatever they came in, in blocks of complete records, never more than a block and a record at once.

What a file is written in is taken from its first bytes (marks, zero bytes), except Windows-1252: that is what a file turns out to be in
which a letter is no UTF-8 after none that was. Every encoding here goes both ways, so a result can leave as the upload came.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from sandbox.gate.dialect import PLAIN, Dialect, find_dialect
from sandbox.gate.scanner import RecordReader

HEAD_BYTES: Final = 1 << 16
"""How many bytes are looked at before the first is read."""
UTF8, WINDOWS, UTF16_LE, UTF16_BE = "utf-8", "cp1252", "utf-16-le", "utf-16-be"
ENCODING_NAMES: Final = {UTF8: "UTF-8", WINDOWS: "Windows-1252", UTF16_LE: "UTF-16 LE", UTF16_BE: "UTF-16 BE"}
MARK: Final = codecs.BOM_UTF8
"""The byte order mark, in UTF-8 as all text inside."""
_MARKS: Final = ((codecs.BOM_UTF8, UTF8), (codecs.BOM_UTF16_LE, UTF16_LE), (codecs.BOM_UTF16_BE, UTF16_BE))
_BINARY: Final = {
    b"PK\x03\x04": "an Excel workbook or another archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
    b"$FL2": "an SPSS file",
    b"\xff\xfe\x00\x00": "text in UTF-32",
    b"\x00\x00\xfe\xff": "text in UTF-32",
}
_MIN_ZEROS: Final = 0.25
"""Share of zero bytes in every other place that makes a text UTF-16: of letters of our alphabets it is nearly all."""
_TIMES: Final = 2
"""In the other places zero bytes are rarer by this: few letters have one there."""
_BROKEN: Final = re.compile(rb"[\xc0\xc1][\x80-\xbf]|[\xe0\xed][\x80-\xbf]{2}|[\xf0\xf4-\xf7][\x80-\xbf]{3}")
"""What a lenient decoder takes for UTF-8: overlong forms and surrogates. In Windows-1252 nobody writes this."""


class NoText(Exception):
    """The bytes are no text in the encoding of the file; `n_lines`: line ends between the last block and the place."""

    def __init__(self, n_lines: int) -> None:
        super().__init__(n_lines)
        self.n_lines = n_lines


class Binary(Exception):
    """The file is no text at all; `what` it looks like."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class FileText:
    """One upload, in pieces of bytes of any size."""

    def __init__(self, max_line_bytes: int) -> None:
        self.encoding = UTF8
        """What the file is written in, as far as it was read."""
        self.dialect: Dialect = PLAIN
        self._head: bytearray | None = bytearray()
        self._decoder: codecs.IncrementalDecoder | None = None
        self._max_line_bytes = max_line_bytes
        self._records = RecordReader(max_line_bytes)
        self._has_letters = False
        """Whether letters of several bytes have been read, so that the file is UTF-8 for certain."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The blocks completed by `data`. Raises :class:`NoText`, :class:`Binary` and what :class:`RecordReader` raises."""
        if self._head is not None:
            self._head += data
            if len(self._head) < HEAD_BYTES:
                return
            data = self._open(is_whole=False)
        yield from self._cut(data, is_last=False)

    def finish(self) -> Iterator[bytes]:
        """The rest, with a last record perhaps without a line end. Raises as :meth:`feed`."""
        yield from self._cut(b"" if self._head is None else self._open(is_whole=True), is_last=True)
        rest = self._records.finish()
        if rest:
            yield self._as_utf8(rest)

    def _open(self, *, is_whole: bool) -> bytes:
        data, self._head = bytes(self._head or b""), None
        # Always the same bytes, however the file was cut on its way.
        head = data[:HEAD_BYTES]
        what = next((what for start, what in _BINARY.items() if head.startswith(start)), None)
        if what is not None:
            raise Binary(what)
        self.encoding, self._has_letters = _find_encoding(head)
        if self.encoding in (UTF16_LE, UTF16_BE):
            self._decoder = codecs.getincrementaldecoder(self.encoding)("strict")
            head = head.decode(self.encoding, "ignore").encode()
        self.dialect = find_dialect(head.removeprefix(MARK), is_whole=is_whole and len(data) <= HEAD_BYTES)
        self._records = RecordReader(self._max_line_bytes, self.dialect)
        return data

    def _cut(self, data: bytes, *, is_last: bool) -> Iterator[bytes]:
        if self._decoder is not None:
            try:
                data = self._decoder.decode(data, is_last).encode()
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(self.encoding, "ignore")
                raise NoText(self._records.n_lines + before.count(chr(self.dialect.newline))) from None
        for block in self._records.feed(data):
            yield self._as_utf8(block)

    def _as_utf8(self, block: bytes) -> bytes:
        if self._decoder is not None or block.isascii():
            return block
        try:
            if self.encoding == WINDOWS:
                return block.decode(WINDOWS).encode()
            codecs.utf_8_decode(block, "strict", True)
        except UnicodeDecodeError as error:
            is_windows = not self._has_letters and block[: error.start].isascii() and not _BROKEN.match(block, error.start)
            if self.encoding == WINDOWS or not is_windows:
                raise NoText(block.count(self.dialect.newline_bytes, 0, error.start)) from None
            self.encoding = WINDOWS
            return self._as_utf8(block)
        self._has_letters = True
        return block


def _find_encoding(head: bytes) -> tuple[str, bool]:
    """The encoding of a file that begins with `head`, and whether a mark says so."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, True
    zeros = [head[place::2].count(0) / max(len(head[place::2]), 1) for place in (0, 1)]
    if max(zeros) > _MIN_ZEROS and min(zeros) < max(zeros) / _TIMES:
        return (UTF16_LE if zeros[1] > zeros[0] else UTF16_BE), True
    return UTF8, False
