"""The result of a job at central: a zip, streamed from the rows to the host's pipe and written nowhere.

An imputed data set is the uploaded text with the holes filled, in the upload's own encoding: observed cells, header, quoting and line ends
are copied, never parsed and written again. Only cells that were missing are formatted. Lines that held nothing are not in it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import orjson
from isal import isal_zlib

from sandbox.gate.dataset import Block, Dataset
from sandbox.gate.dialect import PLAIN, Dialect
from sandbox.gate.imputations import Imputations
from sandbox.gate.rows import Matrix
from sandbox.gate.table import Layout, scan_table
from sandbox.gate.text import MARK, UTF8
from sandbox.wire.frames import CHUNK_BYTES, Frame, Kind

MISSING: Final = b"NA"
"""How a missing cell is written in the long file, whatever it was in the upload: what R and Stata read as missing."""
_LEVEL: Final = 3
_LARGE: Final = 1 << 31
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class FrameStream(io.RawIOBase):
    """A file that cannot be read or sought, whose bytes leave as DATA frames."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        super().__init__()
        self._send = send
        self._pending = bytearray()

    def writable(self) -> bool:
        """Whether the file can be written."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes; send what fills a frame."""
        self._pending += data
        while len(self._pending) >= CHUNK_BYTES:
            self._send(Frame(Kind.DATA, bytes(self._pending[:CHUNK_BYTES])))
            del self._pending[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        """Send the rest and the end of the stream."""
        if self._pending:
            self._send(Frame(Kind.DATA, bytes(self._pending)))
            self._pending.clear()
        self._send(Frame(Kind.END))


class ResultWriter:
    """Writes the files of one result."""

    def __init__(self, dataset: Dataset, imputations: Imputations) -> None:
        self._dataset = dataset
        self._imputations = imputations
        self._rows, self._targets = imputations.cells()
        self._layout, self._reading = dataset.layout, dataset.reading
        newline = self._layout.dialect.newline_bytes
        self._line_end = b"\r\n" if dataset.header.endswith(b"\r\n") else newline

    def write_zip(self, stream: io.RawIOBase, texts: Mapping[str, str]) -> None:
        """Write the zip: the completed data sets, then `texts` by name."""
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            n_kept = self._imputations.n_kept
            n_bytes = sum(len(block.text) for block in self._dataset.blocks)
            for number in range(1, n_kept + 1):
                with _open(archive, f"imputed_{number:03}.csv", 2 * n_bytes) as file:
                    for piece in self.completed(number):
                        file.write(piece)
            with _open(archive, "imputed_long.csv", 3 * n_bytes * (n_kept + 1)) as file:
                for piece in self.long():
                    file.write(piece)
            for name, text in texts.items():
                with _open(archive, name, 0) as file:
                    file.write(text.encode())

    def completed(self, number: int) -> Iterator[bytes]:
        """The upload with the holes filled by imputation `number` (1-based)."""
        return self._encoded(self._completed(number))

    def long(self) -> Iterator[bytes]:
        """The long file: the upload and all imputations below one another."""
        return self._encoded(self._long())

    def _encoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """UTF-8 as the upload was written."""
        encoding = self._reading.encoding
        return pieces if encoding == UTF8 else (piece.decode().encode(encoding) for piece in pieces)

    def _completed(self, number: int) -> Iterator[bytes]:
        yield self._reading.preface + self._dataset.header
        values = self._imputations.values(number - 1)
        for holes in self._holes():
            yield splice(holes.text, holes.starts, holes.ends, self._texts(holes, values, None))

    def _long(self) -> Iterator[bytes]:
        mark = MARK if self._reading.preface.startswith(MARK) else b""
        separator, newline = self._layout.dialect.separator_text.encode(), self._layout.dialect.newline_bytes
        yield mark + separator.join((b".imp", b".id", self._dataset.header))
        for number in range(self._imputations.n_kept + 1):
            values = self._imputations.values(number - 1) if number else None
            n_rows, last = 0, newline
            for holes in self._holes():
                prefixes = [b"%d%b%d%b" % (number, separator, n_rows + row, separator) for row in range(1, len(holes.record_starts) + 1)]
                texts = [MISSING] * len(holes.starts) if values is None else self._texts(holes, values, MISSING)
                # A stable sort keeps the prefix before a hole in the first column.
                starts = np.concatenate((holes.record_starts, holes.starts))
                order = np.argsort(starts, kind="stable")
                ends = np.concatenate((holes.record_starts, holes.ends))[order]
                both = prefixes + texts
                yield splice(holes.text, starts[order], ends, [both[place] for place in order.tolist()])
                n_rows += len(prefixes)
                last = holes.text[-1:] or last
            if last != newline:
                yield self._line_end

    def _holes(self) -> Iterator[_Holes]:
        targets = np.array(self._dataset.contract.targets)
        first = 0
        for block in self._dataset.blocks:
            yield _Holes(block, self._layout, first, self._rows, targets[self._targets])
            first += block.n_rows

    def _texts(self, holes: _Holes, values: Matrix, left: bytes | None) -> list[bytes]:
        """The text of every hole of a block; one without an imputation stays as it was, or becomes `left`."""
        if not len(holes.starts):
            return []
        numbers = values[holes.cells]
        # The shortest digits that read back as the same number; null where there is none.
        texts: list[bytes] = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
        for place in np.flatnonzero(np.isnan(numbers)).tolist():
            texts[place] = holes.text[holes.starts[place] : holes.ends[place]] if left is None else left
        for place in np.flatnonzero(self._is_worded(holes) & ~np.isnan(numbers)).tolist():
            index = int(holes.columns[place])
            is_binary = self._dataset.contract.column(index).is_binary
            text = self._dataset.level_texts[index][int(numbers[place])] if is_binary else texts[place].decode()
            if index in self._reading.with_comma:
                text = text.replace(".", ",")
            is_quoted = holes.text.startswith(b'"', int(holes.starts[place])) or index in self._dataset.quoted
            texts[place] = format_cell(text, self._layout.dialect, is_quoted=is_quoted)
        return texts

    def _is_worded(self, holes: _Holes) -> npt.NDArray[np.bool_]:
        """Which holes are not filled with a bare number: levels, cells in quotes, and decimal commas."""
        contract, commas = self._dataset.contract, self._reading.with_comma
        worded = [i for i in contract.targets if contract.column(i).is_binary or i in self._dataset.quoted or i in commas]
        text = np.frombuffer(holes.text, dtype=np.uint8)
        # A hole of no bytes at the very end has nothing before it to be quoted.
        is_quoted = text[np.minimum(holes.starts, len(text) - 1)] == ord('"')
        result: npt.NDArray[np.bool_] = np.isin(holes.columns, worded) | (is_quoted & (holes.ends > holes.starts))
        return result


class _Holes:
    """The missing cells of targets in one block of the upload, found anew: offsets are cheaper to find than to keep."""

    def __init__(self, block: Block, layout: Layout, first_row: int, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> None:
        self.text = block.text.tobytes()
        scanned = scan_table(self.text, layout)
        self.record_starts = scanned.record_starts
        low, high = np.searchsorted(rows, (first_row, first_row + block.n_rows))
        self.cells = slice(int(low), int(high))
        """Which of all the missing cells they are."""
        self.columns = columns[self.cells]
        places = (rows[self.cells] - first_row, self.columns - 1)
        self.starts = scanned.starts[places]
        self.ends = scanned.ends[places]


def splice(text: bytes, starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], pieces: list[bytes]) -> bytes:
    """`text` with each range [start, end), in ascending order, replaced by a piece."""
    result: list[bytes] = []
    at = 0
    for start, end, piece in zip(starts.tolist(), ends.tolist(), pieces, strict=True):
        result += (text[at:start], piece)
        at = end
    result.append(text[at:])
    return b"".join(result)


def format_cell(text: str, dialect: Dialect = PLAIN, *, is_quoted: bool) -> bytes:
    """A cell as CSV: quoted when its neighbours are, or when it needs to be."""
    if is_quoted or any(mark in text for mark in (dialect.separator_text, '"', "\r", "\n")):
        return ('"' + text.replace('"', '""') + '"').encode()
    return text.encode()


def _open(archive: zipfile.ZipFile, name: str, n_bytes: int) -> IO[bytes]:
    # A fixed date: the same job gives the same bytes.
    member = zipfile.ZipInfo(name, date_time=_EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    file = archive.open(member, "w", force_zip64=n_bytes >= _LARGE)
    # The same format, some twenty times as fast as zlib's default for a few per cent more bytes (`tests/benchmarks`).
    file._compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)  # type: ignore[attr-defined]
    return file
