"""An imputed data set is the upload with the holes filled: everything else is byte for byte what came in."""

from __future__ import annotations

import csv
import io
import json
import mmap
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.contract import Column, Contract
from sandbox.gate.dataset import Block, Dataset
from sandbox.gate.imputations import Imputations
from sandbox.gate.kernels import Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.result import FrameStream, ResultWriter, format_cell, splice
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles
from sandbox.wire.frames import CHUNK_BYTES, Frame, Kind

Y, B = 3, 4
UNITS = Units(np.zeros(4), np.array([1.0, 2.0, 1.0, 1.0]), np.zeros(4), np.array([False, False, True, False]))


@pytest.fixture
def finished(upload, surveyed, make_setup, region):
    """A writer whose cells of y are 0.1 + row and of b 1, in every imputation."""

    def make(text: bytes | str, n_kept: int = 2, job=None) -> ResultWriter:
        setup = make_setup(job)
        ingest, dataset = upload(text, setup)
        assert dataset is not None, ingest.findings
        rows = surveyed(text, setup).rows
        starts = {Y: 0.1 + rows.file_rows[rows.missing_places(Y)], B: np.ones(rows.n_missing(B))}
        rows.standardise(UNITS.centre, UNITS.scale, starts)
        mask = np.column_stack([np.isnan(dataset.column(index)) for index in (Y, B)])
        imputations = Imputations(mask, [rows], n_kept, region)
        for _ in range(n_kept):
            assert imputations.keep(UNITS, 0)
        assert not imputations.keep(UNITS, 0)
        return ResultWriter(dataset, imputations)

    return make


PLAIN = "id,a,y,b,c\np1,1,2,no,3\np2,4.50,NA,yes,6\np3,7,8,,9\np4,7,,,9\n"


def test_only_missing_cells_of_targets_change(finished) -> None:
    writer = finished(PLAIN)
    filled = b"".join(writer.completed(1)).decode()
    assert filled == "id,a,y,b,c\np1,1,2,no,3\np2,4.50,1.1,yes,6\np3,7,8,yes,9\np4,7,3.1,yes,9\n"
    assert b"".join(writer.completed(2)).decode() == filled


def test_line_ends_quotes_and_byte_order_mark_are_the_uploads(finished) -> None:
    text = '\ufeff"id","a","y","b","c"\r\n"p,""1",1,2,"no",3\r\n"p\r\n2",4,"NA",NA,6\r\np3, 7 ,8,"yes",9'
    expected = '\ufeff"id","a","y","b","c"\r\n"p,""1",1,2,"no",3\r\n"p\r\n2",4,"1.1","yes",6\r\np3, 7 ,8,"yes",9'
    assert b"".join(finished(text).completed(1)).decode() == expected


def test_the_long_file_has_the_upload_and_every_imputation(finished) -> None:
    long = b"".join(finished(PLAIN).long()).decode()
    rows = list(csv.DictReader(io.StringIO(long)))
    assert long.startswith(".imp,.id,id,a,y,b,c\n0,1,p1,1,2,no,3\n0,2,p2,4.50,NA,yes,6\n0,3,p3,7,8,NA,9\n0,4,p4,7,NA,NA,9\n1,1,p1")
    assert [(row[".imp"], row[".id"]) for row in rows] == [(str(imp), str(number)) for imp in range(3) for number in range(1, 5)]
    assert not any(row[name] in ("", "NA") for row in rows if row[".imp"] != "0" for name in ("y", "b"))


def test_the_long_file_separates_imputations_of_a_file_without_a_last_line_end(finished) -> None:
    long = b"".join(finished("\ufeff" + PLAIN.replace("\n", "\r\n").removesuffix("\r\n")).long()).decode()
    assert long.startswith("\ufeff.imp,.id,id,a,y,b,c\r\n0,1,p1")
    assert len(long.split("\r\n")) == 1 + 3 * 4 + 1
    assert "\n1,1,p1," in long


def test_a_hole_in_the_first_column_comes_after_its_prefix() -> None:
    text = "y,a,b,c\nNA,1,no,2\n1,3,yes,4\n"
    writer = writer_for_first_column(text)
    assert b"".join(writer.long()).decode().splitlines()[:4] == [".imp,.id,y,a,b,c", "0,1,NA,1,no,2", "0,2,1,3,yes,4", "1,1,0.5,1,no,2"]


def writer_for_first_column(text: str) -> ResultWriter:
    # Same writer, other columns: y is column 1 and the first of the model.
    header, body = text.encode().split(b"\n", 1)
    contract = Contract(
        (
            Column("y", "target", "continuous"),
            Column("a", "predictor"),
            Column("b", "target", "binary", ("no", "yes")),
            Column("c", "predictor"),
        )
    )
    values = np.array([[np.nan, 1, 0, 2], [1, 3, 1, 4]])
    region = Region(mmap.mmap(-1, 1 << 23))
    tiles = Tiles(region, 5)
    tiles.append(values)
    blocks = [Block(2, np.frombuffer(body, np.uint8))]
    dataset = Dataset(contract, {1: 0, 2: 1, 3: 2, 4: 3}, tiles, blocks, header + b"\n", {3: ("no", "yes")})
    mask = np.isnan(values[:, [0, 2]])
    rows = Rows(dataset, np.arange(2), find_patterns(mask), region, np.array([1.0]))
    units = Units(np.zeros(4), np.ones(4), np.zeros(4), np.array([False, False, True, False]))
    rows.standardise(units.centre, units.scale, {1: np.array([0.5]), 3: np.empty(0)})
    imputations = Imputations(mask, [rows], 1, region)
    imputations.keep(units, 0)
    return ResultWriter(dataset, imputations)


def test_a_row_with_a_missing_predictor_is_left_as_it_was(finished) -> None:
    text = PLAIN + "p5,NA,-,no,3\n"
    writer = finished(text, job={"missing": ["", "NA", "-"]})
    assert b"".join(writer.completed(1)).decode().endswith("p5,NA,-,no,3\n")
    assert b"".join(writer.long()).decode().endswith("2,5,p5,NA,NA,no,3\n")


def test_levels_are_written_as_this_file_spells_them(finished) -> None:
    text = "id,a,y,b,c\np1,1,2,1.0,3\np2,4,5,0,6\np3,7,8,NA,9\n"
    assert b"".join(finished(text).completed(1)).decode().splitlines()[3] == "p3,7,8,1.0,9"


CELL = st.text(alphabet='ab ,"\né', max_size=5)
NUMBER = st.floats(-1e6, 1e6, width=32).map(repr)


@given(
    st.lists(st.tuples(CELL, NUMBER, st.none() | NUMBER, st.sampled_from(["no", "yes", None]), CELL), min_size=4, max_size=12),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_observed_cells_survive_byte_for_byte(finished, table, quoting: int, line_end: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)  # type: ignore[call-overload]
    writer.writerow(["id", "a", "y", "b", "free"])
    table = [*table, ("p", "1", "2", "no", ""), ("p", "1", "3", "yes", "")]
    writer.writerows([["NA" if cell is None else cell for cell in row] for row in table])
    job = {"columns": {"a": "predictor", "id": "ignored", "free": "ignored"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.UNITS", Units(np.zeros(3), np.ones(3), np.zeros(3), np.array([False, False, True])))
        filled = b"".join(finished(text.getvalue(), job=job).completed(1)).decode()
    expected = io.StringIO(newline="")
    csv.writer(expected, lineterminator=line_end, quoting=quoting).writerow(["id", "a", "y", "b", "free"])  # type: ignore[call-overload]
    for number, (name, a, y, b, free) in enumerate(table):
        row = [name, a, repr(0.1 + number) if y is None else y, "yes" if b is None else b, free]
        csv.writer(expected, lineterminator=line_end, quoting=quoting).writerow(row)  # type: ignore[call-overload]
    assert filled == expected.getvalue()


WORD = st.text(alphabet='ab ,;\t|"\n\ré€ß', max_size=5)
DECIMAL = st.floats(-1e6, 1e6, width=32).map(lambda number: f"{number:.2f}")
FORMS = [(encoding, mark) for encoding in ("utf-8", "cp1252", "utf-16-le", "utf-16-be") for mark in (False, True)]


@given(
    st.lists(st.tuples(WORD, DECIMAL, st.none() | DECIMAL, st.sampled_from(["no", "größer", None]), WORD), min_size=4, max_size=10),
    st.sampled_from([form for form in FORMS if form != ("cp1252", True)]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_result_is_written_as_the_upload_was_and_keeps_its_observed_cells(
    finished, table, form, separator: str, line_end: str, quoting: int, has_commas: bool, names_separator: bool
) -> None:
    encoding, has_mark = form
    # What Python's writer leaves bare, though it ends a line for other readers.
    quoting = csv.QUOTE_ALL if any("\r" in cell or "\n" in cell for row in table for cell in (row[0], row[4])) else quoting
    written = (lambda text: text.replace(".", ",")) if has_commas else (lambda text: text)

    def lines(rows: list[list[str]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=line_end, quoting=quoting, delimiter=separator).writerows(rows)  # type: ignore[call-overload]
        return text.getvalue()

    def encode(text: str) -> bytes:
        return (("\ufeff" if has_mark else "") + text).encode(encoding)

    table = [*table, ("pä", "1.5", "2.25", "no", ""), ("p", "1.5", "3.25", "größer", "")]
    header = ["id", "a", "y", "b", "free"]
    first = f"sep={separator}{line_end}" if names_separator else ""
    rows = [[name, written(a), "NA" if y is None else written(y), b or "NA", free] for name, a, y, b, free in table]
    full = [
        [name, written(a), written(repr(0.1 + number) if y is None else y), b or "no", free]
        for number, (name, a, y, b, free) in enumerate(table)
    ]
    job = {"columns": {"a": "predictor", "free": "ignored", "id": "ignored"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.UNITS", Units(np.zeros(3), np.ones(3), np.zeros(3), np.array([False, False, True])))
        writer = finished(encode(first + lines([header, *rows])), job=job)
        filled, long = b"".join(writer.completed(1)), b"".join(writer.long())
    assert filled == encode(first + lines([header, *full]))
    beside = [[".imp", ".id", *header]]
    beside += [["0", str(number), *row] for number, row in enumerate(rows, 1)]
    beside += [[imp, str(number), *row] for imp in ("1", "2") for number, row in enumerate(full, 1)]
    assert cells(long, encoding, separator) == beside


def cells(text: bytes, encoding: str, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(encoding).removeprefix("\ufeff"), newline=""), delimiter=separator))


def test_the_zip_is_complete_reproducible_and_sent_in_frames(finished) -> None:
    def write() -> tuple[bytes, list[Frame]]:
        frames: list[Frame] = []
        stream = FrameStream(frames.append)
        writer.write_zip(stream, {"run.json": json.dumps({"seed": 1}), "README.txt": "what is what"})
        stream.finish()
        return b"".join(frame.payload for frame in frames), frames

    writer = finished(PLAIN)
    data, frames = write()
    assert data == write()[0]
    assert [frame.kind for frame in frames[-2:]] == [Kind.DATA, Kind.END]
    assert all(len(frame.payload) <= CHUNK_BYTES for frame in frames)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["imputed_001.csv", "imputed_002.csv", "imputed_long.csv", "run.json", "README.txt"]
        assert archive.read("imputed_001.csv") == b"".join(writer.completed(1))
        assert archive.read("imputed_long.csv") == b"".join(writer.long())
        assert json.loads(archive.read("run.json")) == {"seed": 1}


def test_a_cell_is_quoted_when_asked_or_needed() -> None:
    assert format_cell("yes", is_quoted=False) == b"yes"
    assert format_cell("yes", is_quoted=True) == b'"yes"'
    assert format_cell('a,"b"', is_quoted=False) == b'"a,""b"""'


def test_pieces_are_spliced_in_place() -> None:
    assert splice(b"abcdef", np.array([0, 2, 6]), np.array([0, 4, 6]), [b"<", b"-", b">"]) == b"<ab-ef>"
