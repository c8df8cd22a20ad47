from __future__ import annotations

import pytest

from sandbox.contract import NUMBER, Column, Contract, check_names, order_levels
from sandbox.errors import Code

CONTRACT = Contract(
    (
        Column("id", "ignored"),
        Column("age", "predictor"),
        Column("bp", "target", "continuous"),
        Column("pain", "target", "binary", ("no", "yes")),
    )
)


def codes(findings: list) -> list[Code]:
    return [finding.code for finding in findings]


def test_the_right_header_has_no_findings() -> None:
    assert CONTRACT.check_header(["id", "age", "bp", "pain"]) == []


def test_permuted_columns_are_told_from_wrong_ones() -> None:
    [finding] = CONTRACT.check_header(["id", "bp", "age", "pain"])
    assert finding.code is Code.DATA_HEADER_ORDER
    assert finding.details == {"position": 2, "found": "bp", "expected": "age"}


def test_a_renamed_column_names_what_was_found_and_expected() -> None:
    [finding] = CONTRACT.check_header(["id", "age", "pressure", "pain"])
    assert finding.code is Code.DATA_HEADER_MISMATCH
    assert "'pressure'" in finding.sentence
    assert "'bp'" in finding.sentence


def test_missing_and_extra_columns_are_each_named() -> None:
    findings = CONTRACT.check_header(["id", "age", "pain"])
    assert [(f.code, f.details["column"]) for f in findings] == [(Code.DATA_COLUMN_MISSING, "bp")]
    findings = CONTRACT.check_header(["id", "age", "bp", "pain", "zip"])
    assert [(f.code, f.details["column"]) for f in findings] == [(Code.DATA_COLUMN_EXTRA, "zip")]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["age", "63"], Code.DATA_HEADER_LOOKS_LIKE_DATA),
        (["age", " "], Code.DATA_HEADER_LOOKS_LIKE_DATA),
        (["age", ".imp"], Code.DATA_HEADER_RESERVED),
        (["age", "age"], Code.DATA_HEADER_DUPLICATE),
    ],
)
def test_a_header_that_cannot_be_one_is_found(names: list[str], code: Code) -> None:
    assert codes(check_names(names)) == [code]


def test_design_is_file_order_without_the_target_and_q_counts_the_intercepts() -> None:
    assert CONTRACT.model == (2, 3, 4)
    assert CONTRACT.design(3) == (2, 4)
    assert CONTRACT.n_coefficients(central_intercept=False) == 3
    assert CONTRACT.n_coefficients(central_intercept=True) == 4


def test_levels_are_ordered_as_numbers_when_they_are_numbers() -> None:
    assert order_levels(("10", "9")) == ("9", "10")
    assert order_levels(("yes", "no")) == ("no", "yes")


def test_findings_lose_their_details_on_the_way_out() -> None:
    [finding] = CONTRACT.check_header(["id", "age", "pressure", "pain"])
    assert finding.outward().details == {}
    assert "pressure" not in finding.outward().sentence


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "1.", "1e-3", " 7 "])
def test_numbers_are_numbers(text: str) -> None:
    assert NUMBER.match(text)


@pytest.mark.parametrize("text", ["", "1_000", "0x1", "inf", "nan", "1,5", "1e", "--1", "1 2", "١"])
def test_other_texts_are_not_numbers(text: str) -> None:
    assert not NUMBER.match(text)


def test_the_digest_depends_on_every_part() -> None:
    others = [
        Contract(CONTRACT.columns[::-1]),
        Contract(CONTRACT.columns, ("", "NA")),
        Contract((*CONTRACT.columns[:3], Column("pain", "target", "binary", ("yes", "no")))),
    ]
    assert len({CONTRACT.digest, *(other.digest for other in others)}) == 4


SMOKE = Column("smoke", "predictor", "categorical", ("never", "former", "current"), 1)


def test_a_predictor_of_levels_is_in_models_by_indicators_behind_the_columns_of_the_file() -> None:
    contract = Contract((Column("bp", "target", "continuous"), SMOKE, Column("age", "predictor")))
    assert contract.is_frozen
    assert contract.model == (1, 3, 4, 5)
    assert [(i.of, i.level, i.name) for i in contract.indicators.values()] == [(2, 0, "smoke = never"), (2, 2, "smoke = current")]
    assert contract.blocks == {2: (4, 5)}
    assert contract.design(1) == (3, 4, 5)
    assert contract.n_coefficients(central_intercept=True) == 5
    assert [contract.read_from(index) for index in contract.model] == [1, 3, 2, 2]
    indicator = contract.column(5)
    assert (indicator.name, indicator.role, indicator.is_coded, indicator.is_binary, indicator.is_block) == (
        "smoke = current",
        "predictor",
        True,
        False,
        False,
    )
    assert contract.check_header(["bp", "smoke", "age"]) == []


def test_an_indicator_has_a_name_of_its_own() -> None:
    columns = (Column("a = b", "predictor", "categorical", ("x", "c", "d")), Column("a", "predictor", "ordinal", ("x", "b = c", "e")))
    names = [indicator.name for indicator in Contract((*columns, Column("a = e", "predictor"))).indicators.values()]
    assert names == ["a = b = c", "a = b = d", "a = b = c'", "a = e'"]


@pytest.mark.parametrize(
    "column",
    [
        Column("g", "predictor", "categorical"),
        Column("g", "predictor", "categorical", ("a", "b")),
        Column("g", "predictor", "categorical", ("1", "1.0", "2")),
        Column("g", "predictor", "categorical", tuple(map(str, range(26)))),
        Column("g", "predictor", "categorical", ("a", "b", "c"), 3),
        Column("g", "predictor", "binary", ("a", "b", "c")),
        Column("g", "target", "binary", ("1", "1.0")),
    ],
)
def test_a_contract_with_other_levels_than_its_types_allow_is_not_frozen(column: Column) -> None:
    assert not Contract((column, Column("x", "predictor"))).is_frozen
