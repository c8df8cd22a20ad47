"""The pre-flight: who takes part, what is set aside, and what the policy says to the rest."""

from __future__ import annotations

import mmap
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import built_in
from sandbox.errors import Code
from sandbox.gate.ingest import Ingest
from sandbox.gate.patterns import difference_sizes, find_patterns, keep_patterns
from sandbox.gate.region import Region

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
    def look(name: str, is_central: bool = False):
        default = built_in("default")
        central = make_setup(HEART_JOB, policy=default)
        contract = make_contract(central)
        setup = make_setup(HEART_JOB, policy=default, is_central=is_central, contract=None if is_central else contract)
        return surveyed((HEART / f"{name}.csv").read_bytes(), setup)

    def make_contract(setup):
        ingest = Ingest(setup, Region(mmap.mmap(-1, 8 << 20)))
        ingest.feed((HEART / "va_long_beach.csv").read_bytes())
        dataset = ingest.finish()
        assert dataset is not None
        return dataset.contract

    return look


@pytest.mark.parametrize(("name", "n_set_aside"), [("cleveland", 0), ("hungary", 1)])
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


MASKS = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=60))


@given(MASKS, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_no_small_difference_group_is_left_and_no_row_is_set_aside_without_one(mask: list[list[bool]], limit: int) -> None:
    array = np.array(mask)
    patterns = find_patterns(array)
    is_kept = keep_patterns(patterns, limit)
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


def contract_for(upload, csv_text):
    _, dataset = upload(csv_text(200, seed=3))
    return dataset.contract


def test_three_rows_are_stopped_at_a_site_and_only_noticed_at_central(upload, surveyed, make_setup, csv_text) -> None:
    contract = contract_for(upload, csv_text)
    policy = built_in("default")
    three = csv_text(3, missing=0.0)
    site = surveyed(three, make_setup(policy=policy, is_central=False, contract=contract))
    assert {finding.code for finding in site.findings} == {Code.RULE_MIN_ROWS, Code.RULE_PARAMETER_RATIO}
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
