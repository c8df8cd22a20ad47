"""What stops a file that would state a card, and what does not: each rule at its edge, with the file beside it that passes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from policies import Policy, built_in
from policies.disclosure import ADMISSION_RULES
from sandbox.contract import Finding
from sandbox.errors import CATALOGUE, Code
from sandbox.gate import admission
from sandbox.gate.admission import admit, verdicts
from sandbox.gate.leverage import largest_leverage
from sandbox.gate.sticky import SHARE_OF_FARTHEST
from sandbox.gate.survey import survey
from tests.disclosure.honest_files import HonestFile, Values

DEFAULT, STRICT, RESEARCH = (built_in(name) for name in ("default", "strict", "research"))
CONTINUOUS = {"y": "continuous"}
Said = list[tuple[str, str, str]]


def ward(n: int = 400, seed: int = 1) -> dict[str, Values]:
    """Two predictors, a continuous target and a binary one, all observed."""
    random = np.random.default_rng(seed)
    age, dose = np.round(random.normal(60, 9, n)), np.round(random.normal(5, 1, n), 2)
    return {"age": age, "dose": dose, "y": np.round(age / 10 + random.normal(size=n), 2), "b": (random.random(n) < 0.5).astype(float)}


def first(n: int, count: int, value: float = 1.0) -> Values:
    """A column that only the first rows have a value other than 0 in."""
    return np.where(np.arange(n) < count, value, 0.0)


def windows(n: int, number: int) -> dict[str, Values]:
    """Ages, and dummies that hold twenty or more people next to each other: pairs that differ by one person, the same one in all."""
    at, columns = n // 2, {"age": np.round(np.random.default_rng(1).normal(60, 9, n))}
    for pair in range(number // 2):
        low, place = at - 20 - pair, np.arange(n)
        columns |= {f"w{pair}": ((place >= low) & (place < at)) * 1.0, f"v{pair}": ((place >= low) & (place <= at)) * 1.0}
    return columns


def judged(columns: dict[str, Values], targets: dict[str, str] | None = None, policy: Policy = DEFAULT, **more: int) -> list[Finding]:
    file = HonestFile(columns, {"y": "continuous", "b": "binary"} if targets is None else targets)
    return list(admit(file.dataset()[0], policy, fits=file.fits, **more))


def stops(findings: list[Finding]) -> Said:
    return [(f.code.value, str(f.details["column"]), str(f.details.get("other", ""))) for f in findings if f.severity == "stop"]


def test_a_long_tail_is_told_to_its_owner_with_the_remedy_and_its_logarithm_is_not() -> None:
    tail = np.exp(0.8 * np.random.default_rng(5).normal(size=400))
    said = judged({**ward(), "crp": tail}, policy=DEFAULT)
    assert [(f.code, f.severity, f.details["column"]) for f in said] == [(Code.DATA_LONG_TAIL, "notice", "crp")]
    assert judged({**ward(), "crp": np.log(tail)}) == []
    # Without errors there is nothing that central would not know.
    assert judged({**ward(), "crp": tail}, policy=RESEARCH) == []


# --- numbers of rows --------------------------------------------------------------------------------------------------------------------


def test_a_ward_of_four_hundred_passes_without_a_word() -> None:
    assert judged(ward()) == []


@pytest.mark.parametrize(("n", "broken"), [(49, ["rule.min_rows"]), (50, [])])
def test_a_file_has_enough_rows(n: int, broken: list[str]) -> None:
    columns = ward(n)
    assert sorted({code for code, _, _ in stops(judged({name: columns[name] for name in ("age", "dose", "y")}, CONTINUOUS))}) == broken


@pytest.mark.parametrize(("n_shown", "broken"), [(0, []), (1, ["y"]), (49, ["y"]), (50, [])])
def test_a_target_is_shown_by_no_row_or_by_enough(n_shown: int, broken: list[str]) -> None:
    columns = ward()
    columns["y"][n_shown:] = np.nan
    found = stops(judged(columns))
    assert sorted({column for code, column, _ in found if code == "rule.min_rows"}) == broken
    assert bool(found) == bool(broken)


@pytest.mark.parametrize(("n_shown", "broken"), [(49, [("rule.min_rows", "dose", "")]), (50, [])])
def test_a_predictor_that_misses_cells_is_filled_from_enough_rows(n_shown: int, broken: Said) -> None:
    columns = ward()
    columns["dose"][n_shown:] = np.nan
    assert stops(judged(columns)) == broken


@pytest.mark.parametrize(("n_shown", "broken"), [(99, [("rule.parameter_ratio", "y", "")]), (100, [])])
def test_a_target_has_rows_enough_for_its_coefficients(n_shown: int, broken: Said) -> None:
    random = np.random.default_rng(2)
    columns = {f"x{number}": random.normal(size=300) for number in range(19)}
    columns["y"] = np.where(np.arange(300) < n_shown, random.normal(size=300), np.nan)
    assert stops(judged(columns, CONTINUOUS)) == broken


def test_rows_with_a_missing_predictor_take_part() -> None:
    columns = ward(120)
    columns["age"][:80] = np.nan
    columns["dose"][40:] = np.nan
    few = [f for f in judged(columns) if f.code is Code.RULE_MIN_ROWS]
    assert {f.details["column"]: f.details["found"] for f in few} == {"age": 40, "dose": 40}
    columns = ward(120)
    columns["age"][::2] = columns["dose"][1::2] = np.nan
    assert stops(judged(columns)) == [], "no row is complete, and all 120 count"


# --- values of few people ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_values", [2, 3, 4, 5])
@pytest.mark.parametrize(("held_by", "is_stopped"), [(1, True), (9, True), (10, False)])
def test_each_value_of_a_column_of_two_to_five_is_held_by_enough(n_values: int, held_by: int, is_stopped: bool) -> None:
    columns = ward()
    common = np.arange(400) % (n_values - 1)
    columns["stage"] = np.where(np.arange(400) < held_by, n_values - 1.0, common)
    assert stops(judged(columns)) == ([("rule.cell_column", "stage", "")] if is_stopped else [])


def test_a_column_of_six_values_is_no_table_of_people() -> None:
    columns = ward()
    columns["stage"] = np.where(np.arange(400) < 1, 5.0, np.arange(400) % 5)
    assert stops(judged(columns)) == []


def test_a_value_is_counted_on_the_rows_that_show_it_wherever_they_are_in_the_file() -> None:
    n = 3000
    columns = ward(n)
    columns["late"] = first(n, n - 9)
    columns["gaps"] = np.where(np.arange(n) % 2 == 0, first(n, n - 30), np.nan)
    columns["constant"] = np.full(n, 7.0)
    assert stops(judged(columns)) == [("rule.cell_column", "late", "")]
    columns["gaps"] = np.where(np.arange(n) % 2 == 0, first(n, n - 18), np.nan)
    assert sorted(stops(judged(columns))) == [("rule.cell_column", "gaps", ""), ("rule.cell_column", "late", "")]


def test_a_table_of_two_columns_with_somebody_alone_is_not_judged_as_it_is_where_code_sees_rows() -> None:
    n = 400
    columns = ward(n)
    columns["sex"] = (np.arange(n) % 2).astype(float)
    columns["rare"] = np.where(np.isin(np.arange(n), [0, *range(1, 40, 2)]), 1.0, 0.0)
    assert ((columns["sex"] == 0) & (columns["rare"] == 1)).sum() == 1
    assert stops(judged(columns)) == []
    dataset, region = HonestFile(columns, CONTINUOUS).dataset()
    control = survey(dataset, DEFAULT, region, is_central=False, central_intercept=False)
    assert ("rule.cell_cross", "sex", "rare") in stops(list(control.findings))


def test_groups_that_miss_targets_are_not_judged_and_nothing_is_set_aside_as_where_code_sees_rows() -> None:
    columns = ward()
    columns["y"][:3] = np.nan
    assert judged(columns) == []
    dataset, region = HonestFile(columns, CONTINUOUS).dataset()
    assert survey(dataset, DEFAULT, region, is_central=False, central_intercept=False).n_set_aside == 3


# --- outcomes of an own fit -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rarer", [0.0, 1.0])
@pytest.mark.parametrize(("n_events", "is_stopped"), [(0, True), (1, True), (9, True), (10, False)])
def test_a_binary_target_has_enough_of_both_outcomes_for_a_fit_of_the_sites_own(rarer: float, n_events: int, is_stopped: bool) -> None:
    columns = ward()
    columns["b"] = np.where(np.arange(400) < n_events, rarer, 1 - rarer)
    found = judged(columns)
    assert stops(found) == ([("rule.events", "b", "")] if is_stopped else [])
    if is_stopped:
        assert found[0].details["found"] == n_events
        assert "Ignore the column" in CATALOGUE[found[0].code].remedy
        assert "make it a predictor" in CATALOGUE[found[0].code].remedy


def test_a_target_that_is_never_observed_and_one_without_a_fit_need_no_events() -> None:
    columns = ward()
    columns["b"] = np.full(400, np.nan)
    assert stops(judged(columns)) == []
    columns["b"] = np.ones(400)
    assert list(admit(HonestFile(columns, {"y": "continuous", "b": "binary"}).dataset()[0], DEFAULT)) == []


def test_where_questions_are_answered_exactly_a_target_with_one_outcome_goes_on() -> None:
    columns = ward()
    columns["b"] = np.ones(400)
    assert stops(judged(columns, policy=RESEARCH)) == []
    assert stops(judged(columns, policy=msgspec.structs.replace(RESEARCH, points="common"))) == [("rule.events", "b", "")]


@pytest.mark.parametrize(("n_events", "notices"), [(39, 1), (40, 0)])
def test_the_owner_is_told_how_many_events_there_are_per_coefficient_when_they_are_few(n_events: int, notices: int) -> None:
    columns = ward()
    columns["b"] = first(400, n_events)
    found = judged(columns)
    assert [(f.code, f.severity) for f in found] == [(Code.FIT_FEW_EVENTS, "notice")] * notices
    if found:
        assert found[0].details == {"column": "b", "found": 39, "parameters": 4, "per": 9.8}
        assert "39 rows with its rarer value: 9.8 for each of 4 coefficients" in found[0].sentence


@pytest.mark.parametrize(("n_missing", "is_stopped"), [(9, True), (10, False)])
def test_a_selection_model_has_enough_rows_that_miss_its_target(n_missing: int, is_stopped: bool) -> None:
    columns = ward()
    columns["y"][:n_missing] = np.nan
    found = judged(columns, selection=3)
    assert stops(found) == ([("rule.events", "y", "")] if is_stopped else [])
    assert stops(judged(columns)) == []


# --- who makes up a number --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [400, 40_000])
def test_somebody_who_is_the_sum_of_squares_stops_and_in_research_does_not(n: int) -> None:
    columns = ward(n)
    columns["dose"][n // 2 + 1] = 1e5
    assert stops(judged(columns)) == [("rule.dominance", "dose", "")]
    assert stops(judged(columns, policy=RESEARCH)) == []
    columns["dose"] += 1e9
    assert stops(judged(columns)) == [("rule.dominance", "dose", "")], "about the median"


def treated(n: int, with_both: int) -> dict[str, Values]:
    """40 people get a drug, 40 have a trait, and some have both."""
    columns = ward(n)
    random = np.random.default_rng(3)
    columns["drug"] = np.where(np.arange(n) < 40, np.round(random.normal(20, 4, n), 2), 0.0)
    columns["trait"] = np.where((np.arange(n) >= 40 - with_both) & (np.arange(n) < 80 - with_both), 1.0, 0.0)
    return columns


@pytest.mark.parametrize("n", [400, 40_000])
def test_somebody_who_alone_has_two_things_is_a_product_and_stops_and_where_many_have_both_it_is_none(n: int) -> None:
    assert stops(judged(treated(n, 20))) == []
    columns = treated(n, 1)
    products = columns["drug"] * columns["trait"]
    assert products.max() == products.sum() > 0, "the joint Gram would hold what this one person gets"
    assert stops(judged(columns)) == [("rule.dominance_cross", "drug", "trait")]
    assert stops(judged(columns, policy=RESEARCH)) == []


@pytest.mark.parametrize("name", ["drug", "trait"])
def test_a_product_is_the_same_however_its_columns_are_coded(name: str) -> None:
    columns = treated(400, 1)
    columns[name] = 1e3 - 2.5 * columns[name]
    assert stops(judged(columns)) == [("rule.dominance_cross", "drug", "trait")]


def test_what_others_add_about_the_median_does_not_hide_in_sums_that_cancel() -> None:
    columns = treated(400, 12)
    columns["drug"][columns["trait"] == 1] = np.tile([1e4, -1e4, 1.0, -1.0, 0, 0], 7)[: int(columns["trait"].sum())]
    assert stops(judged(columns)) == [], "fourteen people add as much as each other"


def test_products_of_two_columns_that_few_rows_show_together_are_not_judged_for_most_cells_are_filled() -> None:
    columns = treated(400, 1)
    columns["drug"][40:] = np.where(np.arange(360) < 9, 0.0, np.nan)
    columns["drug"][:300] = np.where(np.isnan(columns["drug"][:300]), 0.0, columns["drug"][:300])
    assert stops(judged(columns)) == [("rule.dominance_cross", "drug", "trait")]
    columns["trait"][np.arange(400) % 10 != 9] = np.nan
    assert "rule.dominance_cross" not in [code for code, _, _ in stops(judged(columns))]


def test_a_pair_of_columns_of_few_values_is_no_product() -> None:
    columns = treated(400, 1)
    columns["drug"] = np.where(columns["drug"] > 0, 1.0, 0.0) + first(400, 20)
    assert stops(judged(columns)) == []


def test_bounds_from_some_rows_never_clear_what_all_rows_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    n_alarms = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        heavy = {f"x{number}": random.lognormal(0, random.uniform(1.5, 3.0), 2000) for number in range(4)}
        columns = {**ward(2000, seed), **heavy, "trait": first(2000, 40)[random.permutation(2000)]}
        whole = stops(judged(columns))
        monkeypatch.setattr(admission, "SAMPLE_ROWS", 100)
        sampled = stops(judged(columns))
        monkeypatch.undo()
        # The middle of a product is of the sampled rows, so a pair at the edge may differ; a column by itself never does.
        assert [found for found in sampled if not found[2]] == [found for found in whole if not found[2]]
        n_alarms += bool(whole)
    assert n_alarms > 5


# --- all columns together ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "broken"), [(8, []), (60, ["rule.leverage"])])
def test_columns_that_together_single_somebody_out_stop_the_file(number: int, broken: list[str]) -> None:
    columns = windows(400, number)
    assert [finding.code.value for finding in judged(columns, {"age": "continuous"})] == broken
    without = msgspec.structs.replace(DEFAULT, max_leverage=1.0)
    assert judged(columns, {"age": "continuous"}, without) == []


def test_the_largest_leverage_is_that_of_a_ridge_regression_on_standardised_columns() -> None:
    columns = {name: values for name, values in ward(300).items() if name != "b"}
    dataset, _ = HonestFile(columns, {"y": "continuous"}).dataset()
    cells = np.array(list(columns.values()))
    z = (cells - cells.mean(axis=1, keepdims=True)) / cells.std(axis=1, keepdims=True)
    sizes = np.maximum(1 / np.abs(z).mean(axis=1), SHARE_OF_FARTHEST * np.abs(z).max(axis=1))
    X = np.vstack([z, np.ones(300)])
    inverse = np.linalg.inv(X @ X.T + np.diag(np.append((2.5 * np.maximum(sizes, 1.0)) ** 2, 0.0)))
    assert largest_leverage(dataset, 2.5) == pytest.approx(np.einsum("ij,ik,kj->j", X, inverse, X).max())


# --- what is made of it -----------------------------------------------------------------------------------------------------------------


def test_findings_name_the_column_have_sentences_without_gaps_and_tell_others_nothing() -> None:
    columns = treated(400, 1)
    columns["b"], columns["stage"] = first(400, 3), first(400, 4)
    columns["dose"][7], columns["y"][20:] = 1e5, np.nan
    found = judged(columns)
    # Leverage is of all columns, judged where nothing else stops.
    found += [finding for finding in judged(windows(400, 60), {"age": "continuous"}) if finding.severity == "stop"]
    assert {f.code.value for f in found if f.severity == "stop"} == {f"rule.{rule}" for rule in ADMISSION_RULES}
    for finding in found:
        assert finding.column or finding.code.value == "rule.leverage"
        assert "…" not in finding.sentence
        assert finding.outward().details == {}


def test_the_record_says_which_rules_were_judged_and_which_stopped_the_file() -> None:
    assert verdicts(judged(ward()), DEFAULT) == dict.fromkeys(ADMISSION_RULES, "pass")
    columns = ward()
    columns["b"] = first(400, 20)
    assert set(verdicts(judged(columns), DEFAULT).values()) == {"pass"}, "few events are no breach"
    columns["b"] = first(400, 3)
    found = verdicts(judged(columns), DEFAULT)
    assert found == dict.fromkeys(set(ADMISSION_RULES) - {"leverage"}, "pass") | {"events": "refuse"}, "nobody's leverage was judged"
    assert verdicts(judged(windows(400, 60), {"age": "continuous"}), DEFAULT)["leverage"] == "refuse"
    assert "leverage" not in verdicts((), RESEARCH), "a policy without errors asks for none"


def test_a_report_is_read_to_its_end_and_a_card_fits_a_frame() -> None:
    columns = ward() | {f"rare{number}": first(400, 3) for number in range(150)}
    assert len(judged(columns, policy=msgspec.structs.replace(DEFAULT, max_parameter_ratio=9.0))) == admission.MAX_FINDINGS
    tight = msgspec.structs.replace(DEFAULT, max_frame_bytes=3 * 5**2 * 8 - 1)
    assert [finding.code for finding in judged(ward(), policy=tight)] == [Code.LIMIT_FRAME]
    assert judged(ward(), policy=msgspec.structs.replace(tight, max_frame_bytes=3 * 5**2 * 8)) == []
