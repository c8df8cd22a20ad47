"""The tokeniser agrees with Python's csv module on every well-formed file, and refuses what two readers could read in two ways."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import Code
from sandbox.gate import scanner
from sandbox.gate.scanner import RecordReader, ScanError, complete_length, count_fields, field_text, first_length, scan

CELL = st.text(alphabet='abc,"\n\r é1.', max_size=6)
TABLE = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=8))


def write(table: list[list[str]], line_end: str, quoting: int) -> bytes:
    if any("\r" in cell for row in table for cell in row):
        # The writer forgets to quote a carriage return when lines end with a newline only.
        quoting = csv.QUOTE_ALL
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=quoting).writerows(table)  # type: ignore[arg-type]
    return text.getvalue().encode()


def cells(block: bytes, width: int) -> list[list[str]]:
    scanned = scan(block, width)
    return [
        [field_text(block[start:end]) for start, end in zip(starts, ends, strict=True)]
        for starts, ends in zip(scanned.starts, scanned.ends, strict=True)
    ]


@given(TABLE, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_fields_are_those_of_the_csv_module(table: list[list[str]], line_end: str, quoting: int, is_cut: bool) -> None:
    data = write(table, line_end, quoting)
    if is_cut:
        data = data.removesuffix(line_end.encode())
    assert cells(data, len(table[0])) == table


BYTES = st.lists(
    st.sampled_from([b"1", b"ab", b",", b",", b"\n", b"\n", b"\r\n", b"\r", b"\t", b" ", b'"', b"\x7f", b"\x01", b"\xc3\xa9"]), max_size=16
)


@given(BYTES.map(b"".join), st.integers(1, 3), st.sampled_from([b"", b"\n", b"\r\n"]))
@settings(max_examples=500, deadline=None)
def test_the_fast_way_and_the_careful_way_see_the_same_table(body: bytes, width: int, end: bytes) -> None:
    def see(fast: bool) -> object:
        with pytest.MonkeyPatch.context() as patch:
            if not fast:
                patch.setattr(scanner, "_scan_plain", lambda *_: None)
            try:
                found = scan(body + end, width)
            except ScanError as error:
                return error.code, error.offset, error.n_fields
            return [part.tolist() for part in (found.starts, found.ends, found.record_starts, found.record_ends)]

    assert see(fast=True) == see(fast=False)


@given(TABLE, st.integers(1, 7))
@settings(max_examples=100, deadline=None)
def test_blocks_of_a_stream_end_with_records_wherever_it_is_cut(table: list[list[str]], piece: int) -> None:
    data = write(table, "\n", csv.QUOTE_MINIMAL)
    original, scanner.BLOCK_BYTES = scanner.BLOCK_BYTES, 16
    try:
        reader = RecordReader(10_000)
        blocks = [block for start in range(0, len(data), piece) for block in reader.feed(data[start : start + piece])]
        blocks.append(reader.finish())
    finally:
        scanner.BLOCK_BYTES = original
    assert b"".join(blocks) == data
    assert [row for block in blocks if block for row in cells(block, len(table[0]))] == table


@given(TABLE)
@settings(max_examples=100, deadline=None)
def test_the_first_record_is_found_however_it_is_quoted(table: list[list[str]]) -> None:
    data = write(table, "\r\n", csv.QUOTE_MINIMAL)
    first = data[: first_length(data)]
    assert count_fields(first) == len(table[0])
    assert cells(first, len(table[0])) == table[:1]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b'1,a"b\n2,c"d\n', Code.DATA_MALFORMED),
        (b'1,"ab"c\n', Code.DATA_MALFORMED),
        (b'1, "ab"\n', Code.DATA_MALFORMED),
        (b"1,a\x00b\n", Code.DATA_MALFORMED),
        (b"1,a\rb\n", Code.DATA_MALFORMED),
        (b"1,a\r", Code.DATA_MALFORMED),
        (b'1,"ab\n', Code.DATA_QUOTE_OPEN),
        (b"1,2\n1,2,3\n", Code.DATA_LINE_FIELDS),
        (b"1,2\n\n1,2\n", Code.DATA_LINE_FIELDS),
    ],
)
def test_what_is_not_rfc_4180_is_refused(block: bytes, code: Code) -> None:
    with pytest.raises(ScanError) as caught:
        scan(block, 2)
    assert caught.value.code is code


def test_a_wrong_number_of_fields_is_located() -> None:
    with pytest.raises(ScanError) as caught:
        scan(b'"a\nb",2\n3,4,5\n6\n', 2)
    assert (caught.value.offset, caught.value.n_fields) == (8, 3)


def test_an_unfinished_record_longer_than_the_limit_is_refused_before_it_is_buffered() -> None:
    reader = RecordReader(max_line_bytes=2_000_000)
    piece = b"x" * 100_000
    for _ in range(20):
        assert list(reader.feed(piece)) == []
    with pytest.raises(ScanError) as caught:
        list(reader.feed(piece))
    assert caught.value.code is Code.DATA_LINE_TOO_LONG


def test_a_newline_inside_quotes_ends_no_block() -> None:
    assert complete_length(b'1,"a\nb') == 0
    assert complete_length(b'1,2\n1,"a\nb') == 4
