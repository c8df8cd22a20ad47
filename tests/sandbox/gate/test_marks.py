"""A number is read under the decimal mark of its column, which its file or its job tells; what neither tells is asked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import Code
from sandbox.gate.marks import COMMA, POINT, is_number, value_of

JOB = {"targets": [{"column": "y", "type": "continuous"}], "columns": {"x": "predictor", "z": "predictor"}}


@pytest.fixture
def read(upload, make_setup):
    """Read columns y, x and z of a file with tabs between cells."""

    def take(rows: list[tuple[str, str, str]], piece: int = 1 << 16, **job: object):
        text = "\n".join("\t".join(row) for row in [("y", "x", "z"), *rows])
        return upload(text, make_setup({**JOB, **job}), piece)

    return take


def told(ingest) -> list[tuple[Code, str, int]]:
    separator = Code.DATA_SEPARATOR
    return [(found.code, found.severity, found.column) for found in ingest.findings if found.code is not separator]


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("850", 850, 850),
        ("33.8", 33.8, None),
        ("33,8", None, 33.8),
        ("1.299", 1.299, 1299),
        ("1,299", 1299, 1.299),
        ("1,299.5", 1299.5, None),
        ("1.299,5", None, 1299.5),
        ("1.299.000", None, 1299000),
        ("0.299", 0.299, None),
        ("1234.567", 1234.567, None),
        (" -1.000 ", -1, -1000),
        ("1e3", 1000, 1000),
        ("12,34,567", None, None),
        ("1'299'000", 1299000, 1299000),
        ("1\u00a0299,5", None, 1299.5),
        ("1\u202f299", 1299, 1299),
        ("1'299,000", None, 1299),
        ("1 299", None, None),
        ("1.2.3", None, None),
        ("12.", 12, None),
        (",5", None, 0.5),
        (".", None, None),
        ("1_000", None, None),
        ("", None, None),
    ],
)
def test_a_text_has_one_value_under_each_mark_or_none(text: str, point: float | None, comma: float | None) -> None:
    for mark, wanted in ((POINT, point), (COMMA, comma)):
        value = value_of(text, mark)
        assert math.isnan(value) if wanted is None else value == wanted
    assert is_number(text) == (point is not None or comma is not None)


@pytest.mark.parametrize("cell", ["1.299", "1,299"])
def test_a_number_of_two_readings_is_asked_with_its_line_and_without_its_value(read, cell: str) -> None:
    ingest, dataset = read([("1", "2", "3"), ("4", cell, "6"), ("7", "8", "9")])
    assert dataset is None
    assert told(ingest) == [(Code.DATA_AMBIGUOUS, "stop", 2)]
    found = ingest.findings[0]
    assert found.details["line"] == 3
    assert cell not in found.sentence
    assert "1299" not in found.sentence


@pytest.mark.parametrize(
    ("decimal", "cell", "value"), [(".", "1.299", 1.299), (",", "1.299", 1299), (".", "1,299", 1299), (",", "1,299", 1.299)]
)
def test_the_job_says_what_the_file_leaves_open(read, decimal: str, cell: str, value: float) -> None:
    _, dataset = read([("1", "2", "3"), ("4", cell, "6"), ("7", "8", "9")], decimal=decimal)
    assert dataset.column(2).tolist() == [2, value, 8]


@pytest.mark.parametrize(
    ("other", "cells", "wanted", "notices"),
    [
        # Its own column tells.
        ("1", ["1.299", "33.8"], [1.299, 33.8], []),
        ("1", ["1.299", "33,8"], [1299, 33.8], [(Code.DATA_DECIMAL_COMMA, "notice", 2), (Code.DATA_THOUSANDS, "notice", 2)]),
        ("1", ["1,299", "1,299,000"], [1299, 1299000], [(Code.DATA_THOUSANDS, "notice", 2)]),
        ("1", ["1'299", "850"], [1299, 850], [(Code.DATA_THOUSANDS, "notice", 2)]),
        # The other columns tell.
        ("33.8", ["1,299", "850"], [1299, 850], [(Code.DATA_THOUSANDS, "notice", 2)]),
        ("33.8", ["1.299", "2.850"], [1.299, 2.85], []),
        ("33.8", ["1.299", "2500"], [1.299, 2500], []),
        ("33,8", ["1.299", "850"], [1299, 850], [(Code.DATA_DECIMAL_COMMA, "notice", 1), (Code.DATA_THOUSANDS, "notice", 2)]),
        # Bare below a thousand and marked above: thousands, or decimals as in the other column.
        ("33.8", ["1.299", "850"], None, [(Code.DATA_AMBIGUOUS, "stop", 2)]),
        ("33,8", ["1,299", "850"], None, [(Code.DATA_AMBIGUOUS, "stop", 2), (Code.DATA_DECIMAL_COMMA, "notice", 1)]),
        # Each mark would be both.
        ("33.8", ["1.299", "1,299"], None, [(Code.DATA_AMBIGUOUS, "stop", 2)]),
    ],
)
def test_a_column_is_read_as_itself_or_else_as_the_others_tell(read, other: str, cells: list[str], wanted, notices) -> None:
    for piece in (1, 1 << 16):
        ingest, dataset = read([(other, cell, str(number)) for number, cell in enumerate(cells)], piece)
        assert told(ingest) == notices
        assert (dataset is None) == (wanted is None)
        if dataset is not None:
            assert dataset.column(2).tolist() == wanted


def test_the_other_mark_in_a_column_that_is_decided_is_an_error_at_its_line(read) -> None:
    ingest, _ = read([("1", "33.8", "1"), ("2", "29,5", "2")])
    assert told(ingest) == [(Code.DATA_NOT_NUMERIC, "stop", 2)]
    assert ingest.findings[0].details["line"] == 3


def test_a_cell_that_comes_late_decides_all_cells_before_it(read) -> None:
    n = 120_000
    rows = [(str(number % 7), "1.299" if number % 3 else "850", "NA" if number % 5 else "2.500") for number in range(n)]
    for late, wanted in (("0.5", 1.299), ("0,5", 1299.0)):
        _, dataset = read([*rows, ("1", late, "2,5")])
        assert len(dataset.blocks) > 1
        assert dataset.column(2).tolist() == [wanted if number % 3 else 850.0 for number in range(n)] + [0.5]
        assert np.nansum(dataset.column(3)) == 2500.0 * n / 5 + 2.5


def test_a_number_that_stands_for_missing_is_compared_once_its_value_is_known(read) -> None:
    rows = [("1", "9,999", "1"), ("2", "8,500", "2"), ("3", "7", "3")]
    _, dataset = read([*rows, ("4", "0,5", "4")], missing=["9.999"])
    assert np.isnan(dataset.column(2)).tolist() == [True, False, False, False]
    _, dataset = read([*rows, ("4", "0.5", "4")], missing=["9.999"])
    assert dataset.column(2).tolist() == [9999, 8500, 7, 0.5]


def grouped(text: str, mark: str) -> str:
    whole, _, fraction = text.partition(".")
    other = "." if mark == "," else ","
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    pieces = []
    while len(digits) > 3:
        pieces.insert(0, digits[-3:])
        digits = digits[:-3]
    return sign + other.join([digits, *pieces]) + (mark + fraction if fraction else "")


@given(
    st.lists(st.tuples(st.integers(-(10**8), 10**8), st.integers(0, 4)), min_size=2, max_size=12),
    st.sampled_from([".", ","]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 40),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_are_the_same_however_they_are_written(read, numbers, mark: str, is_grouped: bool, is_late: bool, piece: int) -> None:
    plain = [f"{number / 10**places:.{places}f}" for number, places in numbers]
    cells = [grouped(text, mark) if is_grouped else text.replace(".", mark) for text in plain]
    # One cell that can be read in one way only, before or after the others.
    evidence = "0.5".replace(".", mark)
    plain, cells = ([*plain, "0.5"], [*cells, evidence]) if is_late else (["0.5", *plain], [evidence, *cells])
    _, dataset = read([(str(row), cell, str(row % 2)) for row, cell in enumerate(cells)], piece)
    assert dataset is not None
    assert np.allclose(dataset.column(2), [float(text) for text in plain], rtol=1e-15, atol=0)
