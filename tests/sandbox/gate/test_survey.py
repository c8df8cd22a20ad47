"""The pre-flight of central and of code that sees rows: who takes part, what is set aside, and what the policy says to the rest."""

from __future__ import annotations

import mmap
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import built_in
from sandbox.errors import CATALOGUE, Code
from sandbox.gate.ingest import Ingest
from sandbox.gate.participation import keep_rows
from sandbox.gate.patterns import difference_sizes, find_patterns, keep_patterns
from sandbox.gate.region import Region
from sandbox.gate.tables import Tables

HEART = Path(__file__).parents[2] / "data" / "heart"
HEART_JOB = {
    "targets": [
        *({"column": name, "type": "continuous"} for name in ("trestbps", "chol", "thalach", "oldpeak")),
        {"column": "exang", "type": "binary"},
    ],
    "columns": dict.fromkeys(("patient", "cp", "restecg", "fbs"), "ignored"),
    "parameters": {"central_intercept": True},
}


@pytest.fixture
def heart(surveyed, make_setup):
    def look(name: str, is_central: bool = False, **more: object):
        policy = msgspec.structs.replace(built_in("default"), **more.pop("policy", {}))
        job = {**HEART_JOB, "columns": {**HEART_JOB["columns"], **more}}
        central = make_setup(job, policy=policy)
        contract = make_contract(central)
        setup = make_setup(job, policy=policy, is_central=is_central, contract=None if is_central else contract)
        return surveyed((HEART / f"{name}.csv").read_bytes(), setup)

    def make_contract(setup):
        ingest = Ingest(setup, Region(mmap.mmap(-1, 8 << 20)))
        ingest.feed((HEART / "va_long_beach.csv").read_bytes())
        dataset = ingest.finish()
        assert dataset is not None
        return dataset.contract

    return look


@pytest.mark.parametrize(("name", "n_set_aside"), [("cleveland", 0), ("hungary", 24)])
def test_heart_sites_set_the_measured_rows_aside(heart, name: str, n_set_aside: int) -> None:
    found = heart(name)
    assert found.findings == ()
    assert found.n_set_aside == n_set_aside
    assert found.rows is not None


def test_central_sets_nothing_aside(heart) -> None:
    found = heart("va_long_beach", is_central=True)
    assert found.n_set_aside == 0
    assert all(finding.severity == "notice" for finding in found.findings)
    assert found.rows.n == 200


def said(found) -> list[tuple[str, str, str, int]]:
    return [(f.code.value, f.details.get("column", ""), f.details.get("other", ""), f.details["found"]) for f in found.findings]


def test_fbs_as_a_predictor_is_refused_at_hungary_with_a_remedy(heart) -> None:
    found = heart("hungary", fbs="predictor")
    assert said(found) == [("rule.cell_cross", "sex", "fbs", 3)]
    (finding,) = found.findings
    assert finding.severity == "stop"
    assert found.rows is None
    assert "'sex' × 'fbs'" in finding.sentence
    assert "Ignore one of the two columns" in CATALOGUE[finding.code].remedy
    assert finding.outward().details == {}


def test_central_is_told_of_its_own_three_women_with_and_three_without_and_goes_on(heart) -> None:
    found = heart("va_long_beach", is_central=True, fbs="predictor")
    assert ("rule.cell_cross", "sex", "fbs", 3) in said(found)
    assert {finding.severity for finding in found.findings} == {"notice"}
    assert found.rows is not None
    assert found.standing == {
        "cell_column": "notice",
        "cell_cross": "notice",
        **dict.fromkeys(("dominance", "set_aside"), "pass"),
    }


def test_va_long_beach_as_a_site_is_refused_for_its_women(heart) -> None:
    found = heart("va_long_beach")
    assert ("rule.cell_column", "sex", "", 5) in said(found)
    assert found.rows is None


def test_va_long_beach_without_sex_would_set_sixty_rows_aside(heart) -> None:
    found = heart("va_long_beach", sex="ignored")
    assert said(found) == [("rule.set_aside", "", "", 60), ("rule.redraw", "exang", "", 41)]
    assert "60 of 200 rows" in found.findings[0].sentence
    assert "a blind pair" in CATALOGUE[found.findings[0].code].remedy


def test_a_dominated_column_is_named_with_its_rows(upload, surveyed, make_setup, csv_text) -> None:
    contract = contract_for(upload, csv_text)
    lines = csv_text(200, seed=3, missing=0.0).splitlines()
    lines[7] = "p6,90000,1.5,no,0.1"
    text = "\n".join(lines)
    found = surveyed(text, make_setup(policy=built_in("default"), is_central=False, contract=contract))
    assert [(finding.code, finding.column) for finding in found.findings] == [(Code.RULE_DOMINANCE, 2)]
    lines[7] = "p6,90,1.5,no,0.1"
    control = surveyed("\n".join(lines), make_setup(policy=built_in("default"), is_central=False, contract=contract))
    assert control.findings == ()


def test_a_target_never_observed_and_a_constant_raise_no_alarm(upload, surveyed, make_setup, csv_text) -> None:
    contract = contract_for(upload, csv_text)
    lines = [line.split(",") for line in csv_text(200, seed=3, missing=0.0).splitlines()]
    text = "\n".join(",".join([*cells[:2], "NA", cells[3], "4.5"]) if row else ",".join(cells) for row, cells in enumerate(lines))
    found = surveyed(text, make_setup(policy=built_in("default"), is_central=False, contract=contract))
    assert found.findings == ()
    assert found.rows.n == 200


def keep(patterns, limit: int):
    return keep_patterns(patterns, lambda group: group.n_rows < limit)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_after_setting_aside_no_group_has_a_small_table(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, policy, limit = 300, built_in("default"), 10
    columns = {1: (random.random(n) < 0.3).astype(float), 2: random.integers(0, 3, n).astype(float), 3: random.normal(size=n)}
    columns |= {index: random.normal(size=n) for index in (4, 5)}
    for index in (2, 4, 5):
        columns[index][random.random(n) < random.uniform(0, 0.5)] = np.nan
    patterns = find_patterns(np.stack([np.isnan(columns[index]) for index in (2, 4, 5)], axis=1))
    is_kept = keep_rows(patterns, Tables(columns), limit, policy)
    masks, rows = patterns.masks[patterns.of_row], is_kept[patterns.of_row]
    for j in range(3):
        for group in [masks[:, j] & rows, *(masks[:, j] & ~masks[:, k] & rows for k in range(3) if k != j)]:
            assert group.sum() == 0 or group.sum() >= limit
            for index, levels in ((1, (0, 1)), (2, (0, 1, 2))):
                assert all((columns[index][group] == level).sum() not in range(1, 10) for level in levels)
            crossed = [((columns[1] == a) & (columns[2] == b) & group).sum() for a in (0, 1) for b in (0, 1, 2)]
            assert not set(crossed) & set(range(1, 5))


MASKS = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=60))


@given(MASKS, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_no_small_difference_group_is_left_and_no_row_is_set_aside_without_one(mask: list[list[bool]], limit: int) -> None:
    array = np.array(mask)
    patterns = find_patterns(array)
    is_kept = keep(patterns, limit)
    kept = array[is_kept[patterns.of_row]]
    for j in range(array.shape[1]):
        sizes = [int(kept[:, j].sum()), *(int((kept[:, j] & ~kept[:, k]).sum()) for k in range(array.shape[1]) if k != j)]
        assert all(size == 0 or size >= limit for size in sizes)
    all_sizes = difference_sizes(patterns, np.ones(len(patterns.counts), dtype=bool))
    if not ((all_sizes > 0) & (all_sizes < limit)).any():
        assert is_kept.all()


@given(st.integers(1, 150), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_patterns_are_the_distinct_rows_however_many_targets(width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((40, width)) < 0.1
    patterns = find_patterns(mask)
    assert np.array_equal(patterns.masks[patterns.of_row], mask)
    assert np.array_equal(np.bincount(patterns.of_row), patterns.counts)
    assert len(patterns.counts) == len(np.unique(mask, axis=0))
    # However the mask lies in memory.
    assert np.array_equal(find_patterns(np.asfortranarray(mask)).of_row, patterns.of_row)


def contract_for(upload, csv_text):
    _, dataset = upload(csv_text(200, seed=3))
    return dataset.contract


def test_three_rows_are_stopped_at_a_site_and_only_noticed_at_central(upload, surveyed, make_setup, csv_text) -> None:
    contract = contract_for(upload, csv_text)
    policy = built_in("default")
    three = csv_text(3, missing=0.0)
    site = surveyed(three, make_setup(policy=policy, is_central=False, contract=contract))
    assert {finding.code for finding in site.findings} == {
        Code.RULE_MIN_ROWS,
        Code.RULE_PARAMETER_RATIO,
        Code.RULE_CELL_COLUMN,
        Code.RULE_CELL_CROSS,
    }
    assert all(finding.severity == "stop" for finding in site.findings)
    assert site.rows is None
    central = surveyed(three, make_setup(policy=policy, contract=contract))
    assert all(finding.severity == "notice" for finding in central.findings)
    assert central.rows is not None


def test_too_many_coefficients_for_the_rows_stop(upload, surveyed, make_setup, csv_text, loose) -> None:
    contract = contract_for(upload, csv_text)
    policy = msgspec.structs.replace(loose, max_parameter_ratio=0.1)
    found = surveyed(csv_text(39, missing=0.0), make_setup(policy=policy, is_central=False, contract=contract))
    assert {(finding.code, finding.column) for finding in found.findings} == {
        (Code.RULE_PARAMETER_RATIO, 3),
        (Code.RULE_PARAMETER_RATIO, 4),
    }
    control = surveyed(csv_text(40, missing=0.0), make_setup(policy=policy, is_central=False, contract=contract))
    assert control.findings == ()


def test_too_large_a_share_set_aside_stops(upload, surveyed, make_setup, csv_text, loose) -> None:
    contract = contract_for(upload, csv_text)
    policy = msgspec.structs.replace(loose, min_difference_group=1000, max_set_aside=0.1)
    found = surveyed(csv_text(200), make_setup(policy=policy, is_central=False, contract=contract))
    assert [finding.code for finding in found.findings] == [Code.RULE_SET_ASIDE]
    assert found.rows is None


def test_rows_with_a_missing_predictor_take_no_part(upload, surveyed, make_setup, csv_text) -> None:
    lines = csv_text(50).splitlines()
    lines[1] = "p0,NA,1,no,2"
    found = surveyed("\n".join(lines), make_setup())
    assert found.n_incomplete == 1
    assert 0 not in found.rows.file_rows
    assert found.rows.n == 49


def test_small_levels_of_one_predictor_are_one_finding(surveyed, make_setup) -> None:
    rows = [f"{n * 0.37 % 5:.3f},{n * 0.61 % 7:.3f},w{n % 20}" for n in range(180)]
    setup = make_setup({"targets": [{"column": "y", "type": "continuous"}], "columns": {}}, policy=built_in("default"))
    found = surveyed("y,z,g\n" + "\n".join(rows) + "\n", setup)
    [finding] = [finding for finding in found.findings if finding.code is Code.RULE_CELL_COLUMN]
    assert (finding.column, finding.details["column"], finding.details["found"]) == (3, "g = w1", 9)
