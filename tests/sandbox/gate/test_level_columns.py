"""Columns of levels are read whatever their levels are called, and laid out as zeros and ones; what is no column of a model is named."""

from __future__ import annotations

import csv
import io
import mmap
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sandbox.contract import DEFAULT_MISSING, Contract, level_key, order_levels
from sandbox.errors import Code
from sandbox.gate.dataset import Dataset
from sandbox.gate.ingest import Ingest
from sandbox.gate.recognise import DATE
from sandbox.gate.region import Region

MARKED = "its numbers are written with signs or units; write them as plain numbers to have it as a predictor"
TARGET = {"targets": [{"column": "y", "type": "continuous"}]}


def text_of(**columns: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([list(columns), *zip(*columns.values(), strict=True)])
    return out.getvalue()


def with_y(**columns: list[str]) -> str:
    n = len(next(iter(columns.values())))
    return text_of(y=[f"{number * 0.37 % 5:.3f}" for number in range(n)], z=[f"{number * 0.61 % 7:.3f}" for number in range(n)], **columns)


def columns_of(upload, make_setup, text: str, **job) -> Contract:
    ingest, dataset = upload(text, make_setup({**TARGET, "columns": {}, **job}))
    assert dataset is not None, ingest.findings
    return dataset.contract


def cells(dataset: Dataset) -> dict[str, list[float]]:
    return {dataset.contract.column(index).name: dataset.column(index).tolist() for index in dataset.contract.model}


LEVEL = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LEVEL, min_size=3, max_size=25, unique_by=level_key), st.randoms(use_true_random=False))
def test_a_level_is_a_column_of_ones_for_who_has_it(upload, make_setup, levels: list[str], random) -> None:
    assume(not any(level in DEFAULT_MISSING or not level.strip() for level in levels))
    rows = [*levels, *random.choices(levels, k=60)]
    random.shuffle(rows)
    job = {**TARGET, "columns": {"g": {"type": "categorical"}}}
    central = make_setup(job)
    ingest, dataset = upload(with_y(g=rows), central)
    assert dataset is not None, ingest.findings
    column = dataset.contract.column(3)
    assert column.levels == order_levels(column.levels or ())
    counts = Counter(rows)
    assert counts[(column.levels or ())[column.reference]] == max(counts.values())
    found = cells(dataset)
    for level in levels:
        if level != (column.levels or ())[column.reference]:
            assert found[f"g = {level}"] == [float(row == level) for row in rows]
    # A site reads the same, in another order of rows, with a level that it does not have and a gap.
    others = [level for level in rows if level != levels[-1]] + [""]
    ingest, at_site = upload(with_y(g=others), msgspec.structs.replace(central, is_central=False, contract=dataset.contract))
    assert at_site is not None, ingest.findings
    for name, values in cells(at_site).items():
        if name.startswith("g = "):
            assert np.isnan(values[-1])
            assert values[:-1] == [float(f"g = {row}" == name) for row in others[:-1]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(["1", "2", "3", "10"]), st.sampled_from(["{}", "{}.0", "+{}", "{}e0", "0{}"]))
def test_levels_that_are_numbers_are_compared_by_value(upload, make_setup, order: list[str], spelling: str) -> None:
    job = {**TARGET, "columns": {"g": {"type": "categorical"}}}
    _, dataset = upload(with_y(g=[*order, *["10"] * 9]), make_setup(job))
    assert dataset is not None
    assert dataset.contract.column(3).levels == ("1", "2", "3", "10")
    setup = msgspec.structs.replace(make_setup(job), is_central=False, contract=dataset.contract)
    _, site = upload(with_y(g=[spelling.format(level) for level in order]), setup)
    assert site is not None
    assert cells(site)["g = 2"] == [float(level == "2") for level in order]


def test_words_of_two_levels_are_one_column_in_the_order_of_the_levels(upload, make_setup) -> None:
    _, dataset = upload(with_y(g=["Yes", "No", "No", "Yes"] * 5), make_setup({**TARGET, "columns": {}}))
    assert dataset is not None
    assert dataset.contract.model == (1, 2, 3)
    assert (dataset.contract.column(3).type, dataset.contract.column(3).levels) == ("binary", ("No", "Yes"))
    assert cells(dataset)["g"] == [1.0, 0.0, 0.0, 1.0] * 5
    job = {**TARGET, "columns": {"g": {"type": "binary", "levels": ["Yes", "No"]}}}
    _, told = upload(with_y(g=["Yes", "No", "No", "Yes"] * 5), make_setup(job))
    assert told is not None
    assert cells(told)["g"] == [0.0, 1.0, 1.0, 0.0] * 5


def test_a_column_of_words_behind_many_rows_of_numbers_is_found_from_the_first_row(upload, make_setup) -> None:
    rows = ["NA"] * 120_000
    rows[:20] = ["1"] * 20
    rows[100_000:] = [("1", "low", "high")[number % 3] for number in range(20_000)]
    ingest, dataset = upload(with_y(g=rows), make_setup({**TARGET, "columns": {"g": "predictor"}}))
    assert dataset is not None, ingest.findings
    assert len(dataset.blocks) > 1
    assert dataset.contract.column(3).levels == ("1", "high", "low")
    found = np.array(cells(dataset)["g = high"])
    assert np.nansum(found) == rows.count("high")
    assert np.isnan(found[:30]).tolist() == [False] * 20 + [True] * 10


@pytest.mark.parametrize(
    ("name", "rows", "type_", "why"),
    [
        ("when", ["2020-01-02", "2021-12-31"] * 20, "date", "it holds dates"),
        ("when", ["1.2.2020", "13.12.21"] * 20, "date", "it holds dates"),
        ("when", ["1/2/2020", "12/31/21"] * 20, "date", "it holds dates"),
        ("id", [str(7 * n % 101) for n in range(40)], "id", "it numbers the rows or the people"),
        ("patient_id", [str(1000 - 3 * n) for n in range(40)], "id", "it numbers the rows or the people"),
        ("q", [str(n + 5) for n in range(40)], "id", "it numbers the rows or the people"),
        ("zip", [f"0{4700 + n % 30}" for n in range(60)], "id", "its numbers have leading zeros, as codes have"),
        ("mrn", [str(10**18 + 37 * n % 1000) for n in range(40)], "id", "its whole numbers have more than 15 digits, as codes have"),
        ("balance", [f"−{n}.5" for n in range(40)], None, MARKED),
        ("who", [f"P{n}" for n in range(20)], "id", "no text in it occurs twice, as with identifiers"),
        ("patient", [f"P{n}" for n in range(40)], None, "it has more than 25 different texts"),
        ("patient_id", [f"P{n}" for n in range(40)], "id", "it has more than 25 different texts"),
        ("words", [f"w{n % 26}" for n in range(60)], None, "it has more than 25 different texts"),
        ("share", [f"{n}.5%" for n in range(40)], None, MARKED),
        ("cost", [f"€ {n}" for n in range(40)], None, MARKED),
        ("dose", [f"{n} {'µg' if n % 2 else 'mg/dL'}" for n in range(20)], None, MARKED),
        ("code", [f"{n}x{n}" for n in range(40)], None, "it has more than 25 different texts"),
        ("when", ["08:15", "23:59", "9:05"] * 20, "date", "it holds times of day"),
        ("same", ["a"] * 40, None, "it has the same text on every row"),
        ("gaps", ["a", "b", ""] * 20, None, "it is text with missing cells; as a predictor it would cost the rows that miss it"),
        ("empty", [""] * 40, None, "it has no value"),
    ],
)
def test_what_no_model_has_is_named_with_the_reason(upload, make_setup, name: str, rows: list[str], type_: str | None, why: str) -> None:
    ingest, dataset = upload(with_y(**{name: rows}), make_setup({**TARGET, "columns": {}}))
    assert dataset is not None, ingest.findings
    column = dataset.contract.column(3)
    assert (column.role, column.type, column.why) == ("ignored", type_, why)
    assert f"Column {name!r} is left out: {why}." in ingest.notes
    assert ingest.columns()[2].why == why


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("age", [str(20 + n % 50) for n in range(60)]),
        ("virus", [f"{n}.5e30" for n in range(60)]),
        ("sodium", [f"{130 + n / 7:.2f}" for n in range(60)]),
        ("id_index", ["1", "2"] * 30),
    ],
)
def test_measurements_are_no_identifiers(upload, make_setup, name: str, rows: list[str]) -> None:
    assert columns_of(upload, make_setup, with_y(**{name: rows})).column(3).role == "predictor"


def test_an_identifier_that_the_job_names_a_predictor_is_one(upload, make_setup) -> None:
    contract = columns_of(upload, make_setup, with_y(id=[str(n) for n in range(40)]), columns={"id": "predictor"})
    assert contract.column(3).role == "predictor"


def test_one_stray_word_is_found_with_its_line_and_not_the_loss_of_the_column(upload, make_setup) -> None:
    for n_values in (5, 50):
        rows = [str(n % n_values) for n in range(60)]
        rows[33] = "unknown"
        ingest, dataset = upload(with_y(g=rows), make_setup({**TARGET, "columns": {}}))
        assert dataset is None
        [finding] = ingest.findings
        assert (finding.code, finding.column, finding.details["line"]) == (Code.DATA_NOT_NUMERIC, 3, 35)


@pytest.mark.parametrize(
    ("type_", "rows", "found"),
    [("categorical", ["a", "b"] * 9, 2), ("categorical", [f"w{n}" for n in range(26)], "more than 25"), ("binary", ["a", "a"] * 9, 1)],
)
def test_a_type_has_so_many_levels(upload, make_setup, type_: str, rows: list[str], found: object) -> None:
    ingest, dataset = upload(with_y(g=rows), make_setup({**TARGET, "columns": {"g": {"type": type_}}}))
    assert dataset is None
    [finding] = ingest.findings
    assert (finding.code, finding.column, finding.details["found"]) == (Code.DATA_LEVEL_COUNT, 3, found)
    assert "…" not in finding.sentence


def test_codes_that_are_named_continuous_and_gaps_of_predictors_get_a_notice_at_central(upload, make_setup) -> None:
    rows = [str(1 + n % 3) for n in range(60)]
    rows[5] = ""
    ingest, dataset = upload(with_y(g=rows), make_setup({**TARGET, "columns": {"g": {"type": "continuous"}}}))
    assert dataset is not None
    assert {(f.code, f.severity, f.column, f.details["found"]) for f in ingest.findings} == {
        (Code.DATA_CODES, "notice", 3, 3),
        (Code.DATA_ROWS_INCOMPLETE, "notice", 3, 1),
    }
    ingest, dataset = upload(with_y(g=[str(1 + n % 3) for n in range(60)]), make_setup({**TARGET, "columns": {}}))
    assert dataset is not None
    assert any("one of 3 whole numbers" in note for note in ingest.notes)


@pytest.mark.parametrize(("first", "other"), [("Yes", "Yes "), ("no", "NO"), ("stage II", "Stage  ii")])
def test_levels_that_differ_in_case_or_spaces_stay_two_and_are_told_to_central(upload, make_setup, first: str, other: str) -> None:
    rows = [first, other, "something else"] * 20
    ingest, dataset = upload(with_y(g=rows), make_setup({**TARGET, "columns": {}}))
    assert dataset is not None
    assert len(dataset.contract.column(3).levels or ()) == 3
    [finding] = ingest.findings
    assert (finding.code, finding.severity, finding.column) == (Code.DATA_LEVELS_ALIKE, "notice", 3)
    assert repr(other) in finding.sentence


def test_tokens_of_a_column_are_missing_there_alone(upload, make_setup) -> None:
    job = {**TARGET, "columns": {"a": {"missing": ["-8", "none"]}, "b": "predictor", "g": {"type": "categorical", "missing": ["none"]}}}
    text = with_y(a=["-8", "1.5", "none", "-8.0"], b=["-8", "1", "2", "3"], g=["none", "p", "q", "r"])
    _, dataset = upload(text, make_setup(job))
    assert dataset is not None
    found = cells(dataset)
    assert np.isnan(found["a"]).tolist() == [True, False, True, True]
    assert found["b"] == [-8.0, 1.0, 2.0, 3.0]
    assert np.isnan(found["g = q"]).tolist() == [True, False, False, False]


def test_a_file_whose_indicators_have_no_room_is_too_large(make_setup) -> None:
    setup = make_setup({**TARGET, "columns": {}})
    text = with_y(g=[f"w{n % 20}" for n in range(60_000)]).encode()
    for n_bytes, is_read in ((8 << 20, False), (64 << 20, True)):
        ingest = Ingest(setup, Region(mmap.mmap(-1, n_bytes)))
        ingest.feed(text)
        assert (ingest.finish() is not None) is is_read
        assert [finding.code for finding in ingest.findings] == ([] if is_read else [Code.DATA_TOO_LARGE])


@pytest.mark.parametrize("text", ["2020-1-2", " 2020-01-02T10:11:12Z ", "31.12.1999", "1.1.99", "12/31/1999"])
def test_dates_are_known(text: str) -> None:
    assert DATE.match(text)


@pytest.mark.parametrize("text", ["2020", "1.5", "1.2.3.4", "12-31", "A 2020-01-02"])
def test_other_texts_are_no_dates(text: str) -> None:
    assert not DATE.match(text)
