"""Files as people have them (`tests/data/cases`): each is read as the plain file that it was made of, or stopped at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.dataset import Dataset

CASES = Path(__file__).parents[2] / "data" / "cases"
EXCEL, BLANK, MISSING, ZEROS, NAMES = (
    "08-excel-of-another-country",
    "09-trailing-blank-rows",
    "11-spellings-of-missing",
    "05-leading-zero-ids",
    "17-column-names",
)
JOB: dict[str, Any] = {"targets": [{"column": "sbp", "type": "continuous"}], "columns": {}}


@pytest.fixture
def read(upload, make_setup):
    """Read a file of a case, at central or (with a contract) at a site: its findings, and its data set."""

    def take(case: str, name: str, contract: Contract | None = None, job: dict[str, Any] | None = None):
        setup = make_setup(job or JOB, is_central=contract is None, contract=contract)
        ingest, dataset = upload((CASES / case / f"{name}.csv").read_bytes(), setup)
        return ingest, dataset

    return take


def values(dataset: Dataset | None) -> list[bytes]:
    assert dataset is not None
    return [dataset.column(index).tobytes() for index in dataset.contract.model]


def told(findings: list[Finding]) -> list[tuple[Code, str]]:
    return [(finding.code, finding.severity) for finding in findings]


@pytest.mark.parametrize(
    ("name", "notices"),
    [
        ("a-bom", []),
        ("a-mixed-ends", []),
        ("a-sep-line", []),
        ("a-mac-cr", [Code.DATA_LINE_ENDS]),
        ("a-utf16", [Code.DATA_ENCODING]),
        ("a-semicolon", [Code.DATA_SEPARATOR, Code.DATA_DECIMAL_COMMA]),
        ("a-tab", [Code.DATA_SEPARATOR]),
        ("a-quoted-decimal-comma", [Code.DATA_DECIMAL_COMMA]),
    ],
)
def test_a_site_with_the_excel_of_another_country_is_read_and_told_what_was_assumed(read, name: str, notices: list[Code]) -> None:
    _, central = read(EXCEL, "central")
    _, plain = read(EXCEL, "a", central.contract)
    wanted = values(plain)
    ingest, found = read(EXCEL, name, central.contract)
    assert told(ingest.findings) == [(code, "notice") for code in notices]
    assert values(found) == wanted


@pytest.mark.parametrize(
    ("name", "notices"),
    [
        ("central-semicolon", [Code.DATA_SEPARATOR, Code.DATA_DECIMAL_COMMA]),
        ("central-tab", [Code.DATA_SEPARATOR]),
        ("central-quoted-decimal-comma", [Code.DATA_DECIMAL_COMMA]),
    ],
)
def test_central_loses_no_predictor_to_the_excel_of_another_country(read, name: str, notices: list[Code]) -> None:
    _, plain = read(EXCEL, "central")
    wanted, contract = values(plain), plain.contract
    ingest, found = read(EXCEL, name)
    assert told(ingest.findings) == [(code, "notice") for code in notices]
    assert found is not None
    assert found.contract == contract
    assert values(found) == wanted


def test_a_name_in_windows_1252_is_the_same_name_elsewhere(read, upload, make_setup) -> None:
    ingest, dataset = read(EXCEL, "central-1252")
    assert told(ingest.findings) == [(Code.DATA_ENCODING, "notice")]
    assert dataset.contract.column(1).name == "Größe"
    text = (CASES / EXCEL / "central-1252.csv").read_bytes().decode("cp1252")
    # Both ways to compose the letter, as two kinds of computers write it.
    for other in (text.encode(), text.replace("ö", "o\u0308").encode("utf-8-sig")):
        ingest, at_site = upload(other, make_setup(JOB, is_central=False, contract=dataset.contract))
        assert ingest.findings == []
        assert at_site is not None


@pytest.mark.parametrize(
    ("name", "notices"),
    [
        ("a-blank", [Code.DATA_EMPTY_LINES]),
        ("a-newlines", [Code.DATA_EMPTY_LINES]),
        ("a-middle-blank", [Code.DATA_EMPTY_LINES]),
        ("a-pad-rows", [Code.DATA_PADDED]),
        ("a-trailing-comma", [Code.DATA_PADDED]),
    ],
)
def test_lines_that_hold_nothing_are_no_people_at_a_site(read, name: str, notices: list[Code]) -> None:
    _, central = read(BLANK, "central")
    wanted = values(read(BLANK, "a", central.contract)[1])
    ingest, found = read(BLANK, name, central.contract)
    assert told(ingest.findings) == [(code, "notice") for code in notices]
    assert values(found) == wanted


@pytest.mark.parametrize("name", ["central-blank", "central-newlines", "central-trailing-comma"])
def test_lines_that_hold_nothing_are_no_people_at_central_and_not_in_its_result(read, name: str) -> None:
    _, plain = read(BLANK, "central")
    wanted, text = values(plain), b"".join(block.text.tobytes() for block in plain.blocks)
    header = plain.header
    ingest, found = read(BLANK, name)
    assert [finding.severity for finding in ingest.findings] == ["notice"]
    assert values(found) == wanted
    assert found.header == header
    assert b"".join(block.text.tobytes() for block in found.blocks) == text


def test_a_footer_of_words_is_stopped_at_its_line(read) -> None:
    _, central = read(BLANK, "central")
    ingest, dataset = read(BLANK, "a-footer", central.contract)
    assert dataset is None
    assert [(found.code, found.column, found.details["line"]) for found in ingest.findings] == [(Code.DATA_NOT_NUMERIC, 1, 302)]


@pytest.mark.parametrize("name", ["a-dot", "a-hash", "a-n-a", "a-null", "a-quoted-NA", "a-quoted-empty"])
def test_the_usual_spellings_of_missing_are_read(read, name: str) -> None:
    _, central = read(MISSING, "central")
    wanted = values(read(MISSING, "a", central.contract)[1])
    ingest, found = read(MISSING, name, central.contract)
    assert ingest.findings == []
    assert values(found) == wanted


@pytest.mark.parametrize("name", ["a-NA-space", "a-backslash-N", "a-nan", "a-none", "a-space"])
def test_other_spellings_of_missing_are_stopped_at_their_first_line(read, name: str) -> None:
    lines = (CASES / MISSING / "a.csv").read_text().splitlines()
    first = next(number for number, line in enumerate(lines, 1) if line.endswith(",NA"))
    _, central = read(MISSING, "central")
    ingest, dataset = read(MISSING, name, central.contract)
    assert dataset is None
    assert [(found.code, found.column, found.details["line"]) for found in ingest.findings] == [(Code.DATA_NOT_NUMERIC, 4, first)]


def test_a_point_of_sas_is_missing_at_central_and_no_level(read) -> None:
    wanted = values(read(MISSING, "central")[1])
    ingest, found = read(MISSING, "central-dot")
    assert ingest.findings == []
    assert values(found) == wanted
    job = {"targets": [{"column": "smoker", "type": "binary", "levels": [0, 1]}], "columns": {}}
    _, boxes = read(MISSING, "central-checkbox", job=job)
    assert boxes.contract.column(4).levels == ("0", "1")
    assert set(np.unique(boxes.column(4)[~np.isnan(boxes.column(4))])) == {1.0}
    ingest, _ = read(MISSING, "central-checkbox", job={**job, "targets": [{"column": "smoker", "type": "binary"}]})
    assert told(ingest.findings) == [(Code.DATA_LEVEL_COUNT, "stop")]


def test_one_stray_word_costs_no_predictor_but_is_stopped_at_its_line(read) -> None:
    ingest, dataset = read(MISSING, "central-stray")
    assert dataset is None
    assert [(found.code, found.column, found.details["line"]) for found in ingest.findings] == [(Code.DATA_NOT_NUMERIC, 3, 41)]


def test_numbers_with_leading_zeros_are_codes_and_no_predictors(read) -> None:
    ingest, dataset = read(ZEROS, "central")
    assert ingest.findings == []
    assert [column.role for column in dataset.contract.columns] == ["ignored", "ignored", "predictor", "predictor", "predictor", "target"]
    assert [column.type for column in dataset.contract.columns[:2]] == ["id", "id"]
    assert sum("leading zeros" in note for note in ingest.notes) == 1
    assert dataset.reading.coded == (1, 2)
    named, dataset = read(ZEROS, "central", job={**JOB, "columns": {"zip": "predictor"}})
    assert told(named.findings) == [(Code.DATA_LEADING_ZEROS, "notice")]
    assert dataset is not None


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("central", "systolic blood pressure at the first visit of the study, sitting"),
        ("dash-central", "sbp-1"),
        ("digit-first-central", "1st_sbp"),
        ("nl-central", 'say "hi"'),
        ("paren-predictor-central", "sbp"),
        ("percent-central", "hba1c%"),
        ("reserved-central", "sbp"),
        ("space-central", "blood pressure"),
        ("unicode-central", "Größe"),
    ],
)
def test_any_name_of_a_column_is_read_at_central_and_at_a_site(read, name: str, target: str) -> None:
    job = {"targets": [{"column": target, "type": "continuous"}], "columns": {}}
    central, dataset = read(NAMES, name, job=job)
    assert [finding for finding in central.findings if finding.severity == "stop"] == []
    assert target in [column.name for column in dataset.contract.columns]
    for site in ("a", "b"):
        ingest, at_site = read(NAMES, name.replace("central", site), dataset.contract, job)
        assert ingest.findings == []
        assert at_site is not None


def test_blanks_around_a_name_do_not_count_but_its_case_does(read, upload, make_setup) -> None:
    _, central = read(NAMES, "p-central")
    contract = central.contract
    ingest, dataset = read(NAMES, "p-a", contract)
    assert dataset is None
    assert [(found.code, found.details["found"]) for found in ingest.findings] == [
        (Code.DATA_HEADER_MISMATCH, "Age"),
        (Code.DATA_HEADER_MISMATCH, "SEX"),
    ]
    text = (CASES / NAMES / "p-a.csv").read_text().replace("Age", "age").replace("SEX", "sex")
    ingest, dataset = upload(text, make_setup(JOB, is_central=False, contract=contract))
    assert told(ingest.findings) == [(Code.DATA_NAMES_TRIMMED, "notice")]
    assert dataset is not None
