"""The part of the pre-flight that depends on what kernels a pair uses."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from policies import built_in
from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.gate.dataset import Dataset
from sandbox.gate.needs import need_findings
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles
from sandbox.manifest import load_pair

ALGORITHMS = Path(__file__).parents[3] / "algorithms"
PLAIN = "../tests/pairs/good/PlainSIMI"


def findings(region: Region, pair: str, *, binary: bool = False, n: int = 500, values: np.ndarray | None = None, **more):
    rng = np.random.default_rng(0)
    if values is None:
        values = np.column_stack([rng.random(n) > 0.5, rng.normal(size=(n, 2))]).astype(float)
    values[: n // 5, 0] = np.nan
    target = Column("y", "target", "binary", ("0", "1")) if binary else Column("y", "target", "continuous")
    contract = Contract((target, *(Column(name, "predictor") for name in "abc"[: values.shape[1] - 1])))
    tiles = Tiles(region, values.shape[1] + 1)
    tiles.append(values)
    dataset = Dataset(contract, {number + 1: number for number in range(values.shape[1])}, tiles)
    rows = Rows(dataset, np.arange(len(values)), find_patterns(np.isnan(values[:, :1])), region, np.array([1.0]))
    manifest = load_pair(ALGORITHMS / pair).manifest
    policy = msgspec.structs.replace(built_in("default"), **more.pop("policy", {}))
    return need_findings(manifest, dataset, rows, policy, **{"ridge": 0.0, "is_central": False, **more})


@pytest.mark.parametrize("kind", [1e6, 0.1, "combination"])
@pytest.mark.parametrize("is_central", [True, False])
def test_a_fit_that_cannot_be_made_here_alone_stops_before_start(region: Region, kind: float | str, is_central: bool) -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=300)
    values = np.column_stack([a + rng.normal(size=300), a, 3 * a - 2 if kind == "combination" else np.full(300, kind)])
    (found,) = findings(region, "AVGMMI", values=values, n=300, is_central=is_central)
    assert (found.code, found.severity, found.column, found.details["predictor"]) == (Code.FIT_SINGULAR, "stop", 3, "b")
    assert findings(region, "AVGMMI", values=values, n=300, ridge=1.0) == ()
    assert findings(region, "SIMI", values=values, n=300) == ()


@pytest.mark.parametrize(("centre", "sd"), [(0.1, 1e-6), (1e6, 1.0), (-1e9, 10.0)])
def test_columns_that_hardly_vary_for_their_size_are_no_constants(region: Region, centre: float, sd: float) -> None:
    rng = np.random.default_rng(2)
    values = np.column_stack([rng.normal(size=300), centre + sd * rng.normal(size=(300, 2))])
    assert findings(region, "AVGMMI", values=values, n=300) == ()


def test_a_fit_here_alone_needs_more_rows_than_coefficients_whatever_the_ridge(region: Region) -> None:
    (found,) = findings(region, "AVGMMI", n=3, ridge=1.0)
    assert (found.code, found.severity, found.column) == (Code.FIT_TOO_FEW_ROWS, "stop", 1)
    assert findings(region, "AVGMMI", n=5) == ()


def test_code_that_sees_rows_needs_room_for_three_copies_of_them(region: Region) -> None:
    needed = 3 * 500 * 4 * 8
    assert findings(region, PLAIN, policy={"worker_data_bytes": needed}) == ()
    (found,) = findings(region, PLAIN, policy={"worker_data_bytes": needed - 1})
    assert (found.code, found.severity, found.details["found"]) == (Code.RULE_LENDING_ROOM, "stop", needed)
    assert findings(region, "SIMI", policy={"worker_data_bytes": 1}) == ()


@pytest.mark.parametrize(("is_central", "severity"), [(False, "stop"), (True, "notice")])
def test_a_message_with_too_many_numbers_for_the_rows_is_known_before_the_start(region: Region, is_central: bool, severity: str) -> None:
    # q = 3: n, X'X (6 different numbers), X'y and y'y; the score has H, g and loglik, as many.
    assert findings(region, PLAIN, n=110, policy={"max_sums_per_row": 0.1}, is_central=is_central) == ()
    (found,) = findings(region, PLAIN, n=109, policy={"max_sums_per_row": 0.1}, is_central=is_central)
    assert (found.code, found.severity, found.details) == (Code.RULE_SUM_BUDGET, severity, {"found": 11, "limit": 10})


def test_a_logistic_fit_of_few_rows_is_announced(region: Region) -> None:
    (found,) = findings(region, "AVGMMI", binary=True, n=70)
    assert (found.code, found.severity, found.details["found"], found.details["limit"]) == (Code.FIT_SMALL_SITE, "notice", 56, 60)
    assert findings(region, "AVGMMI", binary=True, n=80) == ()
    assert findings(region, "AVGMMI", n=70) == ()
    assert findings(region, "SIMI", binary=True, n=70) == ()


def test_a_target_that_is_never_observed_here_needs_nothing(region: Region) -> None:
    values = np.column_stack([np.full(100, np.nan), np.ones((100, 2))])
    assert findings(region, "AVGMMI", values=values, n=100) == ()


def test_a_selection_model_needs_rows_for_both_its_equations(region: Region) -> None:
    policy = {"max_parameter_ratio": 0.2, "min_rows": 20}
    (found,) = findings(region, "HDMI", n=34, policy=policy, is_central=True)
    assert (found.code, found.severity, found.details["parameters"]) == (Code.RULE_PARAMETER_RATIO, "notice", 7)
    assert findings(region, "HDMI", n=35, policy=policy, is_central=True) == ()
