"""Encoding, separator, line ends and what holds nothing: one table, however a file is written and cut on its way."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import Code
from sandbox.gate.dialect import BAR, COMMA, NEWLINE, RETURN, SEMICOLON, TAB, Dialect, find_dialect
from sandbox.gate.scanner import ScanError
from sandbox.gate.table import Layout, read_table
from sandbox.gate.text import HEAD_BYTES, Binary, FileText, NoText

JOB = {"targets": [{"column": "y", "type": "continuous"}], "columns": {"x": "predictor", "word": "ignored"}}


@pytest.mark.parametrize(
    ("head", "separator", "newline"),
    [
        ("a,b\n1,2\n", COMMA, NEWLINE),
        ("a;b\n1,5;2\n", SEMICOLON, NEWLINE),
        ("a\tb\r\n1\t2\r\n", TAB, NEWLINE),
        ("a|b\r1|2\r", BAR, RETURN),
        ("a\n1\n", COMMA, NEWLINE),
        ("", COMMA, NEWLINE),
        ("sep=;\na,b;c\n", SEMICOLON, NEWLINE),
        ('"SEP=\t"\r\na\n', TAB, NEWLINE),
        # A separator in a name: the lines below tell.
        ("sex (M=1; F=0),age\n1,2\n0,3\n", COMMA, NEWLINE),
        ("BMI, kg/m2;age\n23,5;2\n24;3\n", SEMICOLON, NEWLINE),
        ('"a;b;c",d\n1,2\n', COMMA, NEWLINE),
        # Both are possible everywhere: the usual one.
        ("a,b;c\n1,2;3\n", COMMA, NEWLINE),
        # Line ends inside quotes end no line.
        ('a,"b\r"\n1,2\n', COMMA, NEWLINE),
        ('a,"b\n"\r1,2\r', COMMA, RETURN),
        (";;;\n\na;b\n1;2\n", SEMICOLON, NEWLINE),
    ],
)
def test_separator_and_line_ends_are_found(head: str, separator: int, newline: int) -> None:
    assert find_dialect(head.encode(), is_whole=True) == Dialect(separator, newline)


def test_a_carriage_return_at_the_end_of_what_was_seen_is_not_yet_a_line_end() -> None:
    assert find_dialect(b"a,b\r", is_whole=False).newline == NEWLINE
    assert find_dialect(b"a,b\r", is_whole=True).newline == RETURN


def blocks(data: bytes, piece: int) -> tuple[str, bytes]:
    text = FileText(1 << 20)
    found = [block for start in range(0, len(data), piece) for block in text.feed(data[start : start + piece])]
    found += text.finish()
    return text.encoding, b"".join(found)


@given(
    st.text(alphabet="aé€;,\n😀", max_size=40),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    st.integers(1, 9),
)
@settings(max_examples=300, deadline=None)
def test_text_is_the_same_in_every_encoding_however_it_is_cut(body: str, encoding: str, piece: int) -> None:
    body = body.replace("😀", "") if encoding == "cp1252" else body
    # As much text as tells UTF-16 without a mark: of nothing but pictures nobody could.
    text = "name,other\n" * 30 + body
    data = text.encode(encoding)
    found, decoded = blocks(data, piece)
    assert decoded.decode().removeprefix("\ufeff") == text
    assert found == {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding) or text.isascii()


def test_a_file_is_windows_1252_from_a_letter_on_that_is_nothing_else_however_late_it_comes() -> None:
    data = b"a,b\n" + b"1,2\n" * HEAD_BYTES + "ä,ß\n".encode("cp1252")
    assert blocks(data, 1 << 16) == ("cp1252", data.decode("cp1252").encode())
    with pytest.raises(NoText) as caught:
        blocks("ä\n".encode() + data, 1 << 16)
    assert caught.value.n_lines > 0


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b\x08", b"%PDF-1.7", b"\xff\xfe\x00\x00"])
def test_what_is_no_text_is_named(start: bytes) -> None:
    with pytest.raises(Binary):
        blocks(start + bytes(100), 7)


def rows(text: str, n_columns: int, **layout: int) -> tuple[list[list[str]], list[int], int, int]:
    table = read_table(text.encode(), Layout(n_columns, **layout))  # type: ignore[arg-type]
    cells = [[table.cell(row, column) for column in range(1, n_columns + 1)] for row in range(table.n_rows)]
    return cells, [table.line(row) for row in range(table.n_rows)], table.n_empty, table.n_padded


def test_lines_that_hold_nothing_are_taken_out_and_the_others_keep_their_line() -> None:
    found = rows('1,2\n\n,\n3,"a\nb"\n"",""\n5,6,,\r\n \t\n,7', 2)
    assert found == ([["1", "2"], ["3", "a\nb"], ["5", "6"], ["", "7"]], [1, 4, 7, 9], 4, 1)


@pytest.mark.parametrize(("text", "offset", "n_fields"), [("1,2\n3,4,5\n", 4, 3), ("1,2\n3,4,,5\n", 4, 4), ("1,2\n\n3\n", 5, 1)])
def test_a_value_behind_the_last_column_and_a_line_that_is_short_are_located(text: str, offset: int, n_fields: int) -> None:
    with pytest.raises(ScanError) as caught:
        read_table(text.encode(), Layout(2))
    assert (caught.value.code, caught.value.offset, caught.value.n_fields) == (Code.DATA_LINE_FIELDS, offset, n_fields)


PIECES = st.lists(
    st.sampled_from(
        ["1", "2.5", "é", "ab", ",", ",", ";", "\t", "\n", "\n", "\r\n", "\r", " ", '"', '""', ",,\n", "\n\n", "NA", "3,4,w\n"]
    ),
    max_size=20,
)


@given(PIECES, st.sampled_from(["utf-8", "cp1252", "utf-16"]), st.sampled_from([",", ";", "\t"]), st.integers(1, 30))
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_reads_what_was_kept_sees_the_table_that_was_read(
    upload, make_setup, pieces: list[str], encoding: str, separator: str, piece: int
) -> None:
    text = "y,x,word\n1.5,2.5,é\n2.5,3.5,w\n" + "".join(pieces)
    data = text.replace(",", separator).encode(encoding)

    def see(size: int) -> object:
        ingest, dataset = upload(data, make_setup(JOB), size)
        if dataset is None:
            return ingest.findings
        columns = [dataset.column(index).tobytes() for index in (1, 2)]
        return ingest.findings, columns, dataset.reading, dataset.header + b"".join(block.text.tobytes() for block in dataset.blocks)

    found = see(piece)
    # However it was cut on its way.
    assert found == see(1 << 16)
    _, dataset = upload(data, make_setup(JOB))
    if dataset is None:
        return
    kept = dataset.header + b"".join(block.text.tobytes() for block in dataset.blocks)
    delimiter = dataset.reading.dialect.separator_text
    read = list(csv.reader(io.StringIO(kept.decode(), newline=""), delimiter=delimiter, strict=True))
    assert read[0] == ["y", "x", "word"]
    assert len(read) - 1 == dataset.n_rows
    tables = [read_table(block.text.tobytes(), dataset.layout) for block in dataset.blocks]
    cells = [[table.cell(row, column) for column in (1, 2, 3)] for table in tables for row in range(table.n_rows)]
    assert cells == read[1:]
