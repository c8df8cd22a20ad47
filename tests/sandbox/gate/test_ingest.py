"""An upload is a data set or a list of findings that name column and line, never the text of a cell."""

from __future__ import annotations

import csv
import io
import math
import mmap

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sandbox.contract import DEFAULT_MISSING, NUMBER
from sandbox.errors import Code
from sandbox.gate import scanner
from sandbox.gate.ingest import Ingest
from sandbox.gate.levels import Tokens
from sandbox.gate.numbers import NumberReader
from sandbox.gate.region import Region

HEADER = "id,a,y,b,c"
GOOD = HEADER + "\np1,1,2,no,3\np2,4,NA,yes,6\np3,7,8,,9\n"


def findings(ingest) -> list[tuple[Code, int, object]]:
    return [(finding.code, finding.column, finding.details.get("line")) for finding in ingest.findings]


def frozen(upload):
    _, dataset = upload(GOOD)
    assert dataset is not None
    return dataset.contract


def test_central_freezes_roles_and_levels_from_its_data(upload) -> None:
    ingest, dataset = upload(GOOD)
    assert ingest.findings == []
    assert dataset is not None
    assert [column.role for column in dataset.contract.columns] == ["ignored", "predictor", "target", "target", "predictor"]
    assert dataset.contract.column(4).levels == ("no", "yes")
    assert dataset.contract.is_frozen
    assert len(ingest.notes) == 2
    assert np.array_equal(dataset.column(2), [1, 4, 7])
    assert np.array_equal(dataset.column(3), [2, np.nan, 8], equal_nan=True)
    assert np.array_equal(dataset.column(4), [0, 1, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", [(Code.DATA_EMPTY, 0, None)]),
        ("\n", [(Code.DATA_EMPTY, 0, None)]),
        ("\ufeff", [(Code.DATA_EMPTY, 0, None)]),
        (HEADER + "\n", [(Code.DATA_HEADER_ONLY, 0, None)]),
        (HEADER, [(Code.DATA_HEADER_ONLY, 0, None)]),
        (GOOD.replace("p2,4", "p2,four"), [(Code.DATA_NOT_NUMERIC, 2, 3)]),
        (GOOD.replace("p2,4", "p2,True").replace("p1,1", "p1,True").replace("p3,7", "p3,True"), [(Code.DATA_LEVEL_COUNT, 2, None)]),
        (GOOD.replace("2,no", "nan,no"), [(Code.DATA_NOT_NUMERIC, 3, 2)]),
        (GOOD.replace("p2,4", "p2,inf"), [(Code.DATA_NOT_FINITE, 2, 3)]),
        (GOOD.replace("8,,9", "1e999,,9"), [(Code.DATA_NOT_FINITE, 3, 4)]),
        (GOOD + "p4,1,2,perhaps,3\n", [(Code.DATA_LEVELS, 4, 5)]),
        (GOOD.replace("yes", "no"), [(Code.DATA_LEVEL_COUNT, 4, None)]),
        (GOOD + "p4,1,2\n", [(Code.DATA_LINE_FIELDS, 0, 5)]),
        (GOOD + "p4,1,2,no,3,4\n", [(Code.DATA_LINE_FIELDS, 0, 5)]),
        (GOOD + 'p4,"1,2,no,3\n', [(Code.DATA_QUOTE_OPEN, 0, 5)]),
        (GOOD + 'p"4,1,2,no,"3"\n', [(Code.DATA_MALFORMED, 0, 5)]),
        (GOOD.encode() + b"p\x814,1,2,no,3\n", [(Code.DATA_NOT_UTF8, 0, 5)]),
        (GOOD.encode() + "pé,1,2,no,3\n".encode() + b"p\xe9,1,2,no,3\n", [(Code.DATA_NOT_UTF8, 0, 6)]),
        (GOOD.encode() + b"p\xed\xa0\x80,1,2,no,3\n", [(Code.DATA_NOT_UTF8, 0, 5)]),
        (GOOD.encode("utf-16") + b"\x00\xd8\n\x00", [(Code.DATA_NOT_UTF8, 0, 5)]),
        (GOOD.encode("utf-32"), [(Code.DATA_NOT_TEXT, 0, None)]),
        (GOOD.replace("id,a,", "id,,"), [(Code.DATA_HEADER_LOOKS_LIKE_DATA, 2, None)]),
        (GOOD.replace("id,a,", "id,.imp,"), [(Code.DATA_HEADER_RESERVED, 2, None)]),
        (GOOD.replace("id,a,", "id,id,"), [(Code.DATA_HEADER_DUPLICATE, 2, None)]),
        (GOOD.split("\n", 1)[1], [(Code.DATA_HEADER_LOOKS_LIKE_DATA, 2, None)]),
        (GOOD.replace(",y,", ",z,"), [(Code.JOB_COLUMN_UNKNOWN, 0, None)]),
    ],
)
def test_bad_files_are_named_by_column_and_line(upload, data: str | bytes, expected: list[tuple[Code, int, int | None]]) -> None:
    ingest, dataset = upload(data)
    assert dataset is None
    assert findings(ingest)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("id,a,y,b,d", [(Code.DATA_HEADER_MISMATCH, 5)]),
        ("id,y,a,b,c", [(Code.DATA_HEADER_ORDER, 2)]),
        ("id,a,y,b", [(Code.DATA_COLUMN_MISSING, 5)]),
        ("id,a,y,b,c,d", [(Code.DATA_COLUMN_EXTRA, 0)]),
    ],
)
def test_a_site_answers_a_foreign_header_column_by_column(upload, make_setup, header: str, expected: list[tuple[Code, int]]) -> None:
    setup = make_setup(is_central=False, contract=frozen(upload))
    ingest, dataset = upload(GOOD.replace(HEADER, header), setup)
    assert dataset is None
    assert [(finding.code, finding.column) for finding in ingest.findings] == expected
    assert any(not column.is_match for column in ingest.columns()) or expected[0][1] == 0


def test_a_site_reads_a_file_that_keeps_the_contract_and_stores_no_text(upload, make_setup) -> None:
    setup = make_setup(is_central=False, contract=frozen(upload))
    ingest, dataset = upload(GOOD.replace("p1", "anything at all"), setup)
    assert ingest.findings == []
    assert dataset is not None
    assert dataset.blocks == []


def test_a_site_with_a_third_level_is_stopped_at_its_line(upload, make_setup) -> None:
    setup = make_setup(is_central=False, contract=frozen(upload))
    ingest, _ = upload(GOOD.replace("yes", "maybe"), setup)
    assert findings(ingest) == [(Code.DATA_LEVELS, 4, 3)]


def test_errors_in_several_columns_are_all_named(upload) -> None:
    job_roles = GOOD.replace("2,no", "two,no") + "p4,1,2,perhaps,3\n"
    ingest, _ = upload(job_roles)
    assert findings(ingest) == [(Code.DATA_NOT_NUMERIC, 3, 2), (Code.DATA_LEVELS, 4, 5)]


def test_no_finding_and_no_note_quotes_a_cell(upload) -> None:
    canary = "c4n4ry"
    for place in ("p2,{},NA,yes,6", "p2,4,{},yes,6", "p2,4,NA,{},6"):
        ingest, _ = upload(GOOD.replace("p2,4,NA,yes,6", place.format(canary)) + "p9,1,2,third,3\n")
        assert canary not in repr(ingest.findings) + repr(ingest.notes) + repr(ingest.columns())


def test_an_all_missing_predictor_stops_and_a_never_observed_target_is_a_notice(upload, make_setup) -> None:
    contract = frozen(upload)
    setup = make_setup(is_central=False, contract=contract)
    ingest, dataset = upload(HEADER + "\np1,NA,NA,no,3\np2,,,yes,6\n", setup)
    assert dataset is None
    assert [(f.code, f.severity, f.column) for f in ingest.findings] == [
        (Code.DATA_PREDICTOR_ALL_MISSING, "stop", 2),
        (Code.DATA_TARGET_NEVER_OBSERVED, "notice", 3),
    ]


def test_where_a_card_is_stated_an_all_missing_predictor_is_a_notice_unless_nothing_is_observed(upload, make_setup) -> None:
    setup = make_setup(is_central=False, contract=frozen(upload))
    found = {}
    for name, rows in (("some", "p1,NA,NA,no,3\np2,,,yes,6\n"), ("none", "p1,NA,NA,,\np2,,,,\n")):
        ingest = Ingest(setup, Region(mmap.mmap(-1, 1 << 22)), states_card=True)
        ingest.feed((HEADER + "\n" + rows).encode())
        dataset = ingest.finish()
        found[name] = dataset is not None, [(finding.code, finding.severity, finding.column) for finding in ingest.findings]
    assert found["some"] == (
        True,
        [(Code.DATA_NEVER_OBSERVED, "notice", 2), (Code.DATA_TARGET_NEVER_OBSERVED, "notice", 3)],
    )
    assert not found["none"][0]


def test_a_column_that_nobody_named_and_that_turns_to_text_late_is_a_finding_with_its_line(upload) -> None:
    lines = [f"p{n},1,2,{'no' if n % 2 else 'yes'},{n}" for n in range(60_000)]
    lines[59_000] = "p,1,2,no,text"
    ingest, dataset = upload("\n".join([HEADER, *lines]))
    assert dataset is None
    assert findings(ingest) == [(Code.DATA_NOT_NUMERIC, 5, 59_002)]


def test_a_late_error_is_named_by_its_line(upload) -> None:
    lines = [f"p{n},1,2,{'no' if n % 2 else 'yes'},{n}" for n in range(100_000)]
    lines[90_000] = 'p,1,"x\ny",no,3'
    ingest, _ = upload("\n".join([HEADER, *lines]))
    assert findings(ingest) == [(Code.DATA_NOT_NUMERIC, 3, 90_002)]


def test_a_very_long_line_is_refused_early_and_the_rest_is_drained(make_setup, region) -> None:
    setup = make_setup()
    ingest = Ingest(setup, region)
    ingest.feed(HEADER.encode() + b"\np1,1,2,no,3\np2,4,5,yes,")
    piece = b"9" * (128 << 10)
    for _ in range(1_600):
        ingest.feed(piece)
    assert ingest.finish() is None
    assert ingest.findings[0].code is Code.DATA_LINE_TOO_LONG
    assert ingest.findings[0].details == {"line": 3, "limit": setup.policy.max_line_bytes}
    assert region.wipe() < 4 << 20


def test_a_line_longer_than_the_policy_allows_is_refused_inside_a_block(upload, make_setup, loose) -> None:
    setup = make_setup(policy=msgspec.structs.replace(loose, max_line_bytes=100))
    ingest, _ = upload(GOOD + "x" * 200 + ",1,2,no,3\np5,1,2,no,3\n", setup)
    assert findings(ingest) == [(Code.DATA_LINE_TOO_LONG, 0, 5)]


def test_data_that_do_not_fit_are_refused(make_setup) -> None:
    ingest = Ingest(make_setup(), Region(mmap.mmap(-1, 4096)))
    ingest.feed((HEADER + "\n" + "p1,1,2,no,3\n" * 1000).encode())
    assert ingest.finish() is None
    assert ingest.findings[-1].code is Code.DATA_TOO_LARGE


@pytest.mark.parametrize(
    ("cells", "levels", "codes"),
    [
        (["1", "0", "1.0"], ("0", "1"), [1, 0, 1]),
        (["2", "10", " 2"], ("2", "10"), [0, 1, 0]),
        (["yes", "no", '"yes"'], ("no", "yes"), [1, 0, 1]),
        (["1.0", "1", "2"], ("1.0", "2"), [0, 0, 1]),
        (["é", "e", "é"], ("e", "é"), [1, 0, 1]),
        (['"a,""b"', "x" * 40, "x" * 40], ('a,"b', "x" * 40), [0, 1, 1]),
    ],
)
def test_levels_compare_as_numbers_or_texts(upload, cells: list[str], levels: tuple[str, str], codes: list[int]) -> None:
    rows = [f"p,1,2,{cell},{n}" for n, cell in enumerate(cells)]
    ingest, dataset = upload("\n".join([HEADER, *rows]))
    assert ingest.findings == []
    assert dataset is not None
    assert dataset.contract.column(4).levels == levels
    assert dataset.column(4).tolist() == codes


def test_a_file_with_its_own_spelling_of_a_declared_level_is_read_and_remembered(upload, make_setup) -> None:
    job = {"targets": [{"column": "y", "type": "continuous"}, {"column": "b", "type": "binary", "levels": [0, 1]}]}
    _, dataset = upload(HEADER + "\np,1,2,1.0,3\np,1,2,NA,4\n", make_setup(job))
    assert dataset is not None
    assert dataset.column(4)[0] == 1
    assert dataset.level_texts[4] == ("0", "1.0")


def test_a_level_that_the_encoding_of_the_file_cannot_write_is_stopped_at_central(upload, make_setup) -> None:
    job = {"targets": [{"column": "y", "type": "continuous"}, {"column": "b", "type": "binary", "levels": ["no", "≥ 5"]}]}
    text = HEADER + "\npä,1,2,no,3\np,1,2.5,NA,4\n"
    ingest, dataset = upload(text.encode("cp1252"), make_setup(job))
    assert dataset is None
    assert (Code.DATA_LEVEL_LETTERS, 4, None) in findings(ingest)
    _, dataset = upload(text, make_setup(job))
    assert dataset is not None


def test_missing_tokens_of_the_job_come_to_the_usual_ones_or_replace_them(upload, make_setup) -> None:
    data = HEADER + "\np1,1,-9,no,3\np2,2,-9.0,-9,4\np3,5,6,yes,7\n"
    _, dataset = upload(data, make_setup({"missing": ["-9"]}))
    assert dataset is not None
    assert np.isnan(dataset.column(3)).tolist() == [True, True, False]
    assert np.isnan(dataset.column(4)).tolist() == [False, True, False]
    mixed = data.replace("p3,5,6", "p3,5,NA")
    _, dataset = upload(mixed + "p4,1,2,no,3\n", make_setup({"missing": ["-9"]}))
    assert dataset is not None
    assert np.isnan(dataset.column(3)).tolist() == [True, True, True, False]
    ingest, _ = upload(mixed, make_setup({"missing_only": ["-9"]}))
    assert findings(ingest) == [(Code.DATA_NOT_NUMERIC, 3, 4)]


def test_a_byte_order_mark_and_quoted_headers_are_read(upload) -> None:
    ingest, dataset = upload("\ufeff" + GOOD.replace(HEADER, '"id","a","y","b","c"').replace("\n", "\r\n"))
    assert ingest.findings == []
    assert dataset is not None
    assert [column.name for column in dataset.contract.columns] == HEADER.split(",")


CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.integers(-(10**25), 10**25).map(str),
    st.text(alphabet="0123456789.eE+- naNAinfTrue_x\u0660", max_size=6),
    st.sampled_from(["NA", "", "NaN", "nan", "True", "1_0", "0x1", "inf", "1e400", " 7 ", "\t7", "١"]),
)


@given(st.lists(CELLS, min_size=1, max_size=6), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_number_is_what_the_contract_says_whatever_the_parser_thinks(upload, cells: list[str], is_quoted: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL)
    writer.writerow(HEADER.split(","))
    writer.writerows([["p", 1, cell, "no" if n % 2 else "yes", 2] for n, cell in enumerate([*cells, "3"])])
    ingest, dataset = upload(text.getvalue())
    tokens = Tokens(DEFAULT_MISSING)
    wrong = [n for n, cell in enumerate(cells) if cell not in tokens and not NUMBER.match(cell) and cell.strip().lower() not in INFINITE]
    infinite = [n for n, cell in enumerate(cells) if cell.strip().lower() in INFINITE or (NUMBER.match(cell) and math.isinf(float(cell)))]
    found = [finding for finding in ingest.findings if finding.column == 3]
    if not wrong and not infinite:
        assert not found
        assert dataset is not None or len(cells) == 0
        if dataset is not None:
            expected = [np.nan if cell in tokens else float(cell) for cell in [*cells, "3"]]
            assert np.allclose(dataset.column(3), expected, rtol=1e-15, atol=0, equal_nan=True)
    else:
        assert found[0].code in (Code.DATA_NOT_NUMERIC, Code.DATA_NOT_FINITE)
        if not infinite:
            assert found[0].details["line"] == wrong[0] + 2


ANY_CELL = st.one_of(
    CELLS,
    st.sampled_from(
        ["", " ", "NA", " NA", "na", "N/A", "NaN", "NULL", "-9", "-9.0", "1,5", "a\nb", "a\r\nb", '"', "0.1", "1e3", "+2", ".5", "5."]
    ),
    st.sampled_from(
        ["1.299", "1,299", "33,8", "-1.000 ", "1,299.5", "1.299,5", "0,5", "850", "1500", "5.0000", "12.50e1", "0.299", "9.000"]
    ),
)


@given(
    st.lists(st.tuples(ANY_CELL, ANY_CELL, ANY_CELL, ANY_CELL), min_size=1, max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.integers(1, 50),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_fast_way_and_the_slow_way_read_the_same_table(
    upload, make_setup, rows, quoting: int, line_end: str, separator: str, is_cut: bool, piece
) -> None:
    # Words for infinity are a number that is not finite to the one and no number to the other; both refuse them.
    assume(not any(cell.strip().lower() in INFINITE for cells in rows for cell in cells))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting, delimiter=separator)  # type: ignore[arg-type]
    writer.writerow(HEADER.split(","))
    writer.writerows([["p", *cells] for cells in [*rows, ("1", "2", "yes", "3"), ("4", "NA", "no", "6")]])
    data = text.getvalue().removesuffix(line_end) if is_cut else text.getvalue()

    def read(fast: bool) -> object:
        with pytest.MonkeyPatch.context() as patch:
            if not fast:
                patch.setattr(scanner, "_scan_plain", lambda *_: None)
                patch.setattr(NumberReader, "_parse", lambda *_: None)
            ingest, dataset = upload(data, make_setup({"missing_only": ["", "NA", "-9"]}), piece)
        if dataset is None:
            return ingest.findings
        columns = [dataset.column(index).tobytes() for index in dataset.contract.model]
        return ingest.findings, ingest.notes, dataset.contract, ingest.columns(), columns

    assert read(fast=True) == read(fast=False)


INFINITE = {sign + text for sign in ("", "+", "-") for text in ("inf", "infinity")}
