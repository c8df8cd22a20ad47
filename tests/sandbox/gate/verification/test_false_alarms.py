"""Honest code on honest data is not refused (the rates of heavy tails: `tests.disclosure.false_alarms_of_rows`)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.disclosure.false_alarms import KINDS, SIZES
from tests.disclosure.false_alarms_of_rows import POLICY, alarms, honest_jobs, honest_site
from tests.sandbox.gate.verification.played import Site

ORDINARY = ("normal", "normal, 1e-6", "normal, offset 1e6", "count (Poisson 2)", "one decimal", "binary, half")
QUIET = [
    *((kind, n) for kind in ORDINARY for n in SIZES),
    ("lognormal 1", 1000),
    ("lognormal 1", 5000),
    ("binary, a tenth", 5000),
    ("three values", 5000),
]


@pytest.mark.parametrize(("kind", "n"), QUIET)
def test_ordinary_columns_raise_no_alarm(kind: str, n: int) -> None:
    assert alarms(KINDS[kind], n, repetitions=1) == {}


@pytest.mark.parametrize("kind", ["outlier 1e3", "outlier 1e6"])
def test_a_column_that_one_patient_makes_up_is_a_true_alarm(kind: str) -> None:
    assert alarms(KINDS[kind], 1000, repetitions=1)["moments"] == 1


@pytest.mark.parametrize("n", [200, 1000])
def test_constant_columns_and_a_target_that_is_never_observed_raise_none(n: int) -> None:
    rows = honest_site(KINDS["normal"], n, seed=1).rows
    rows[:, 3], rows[:, 4] = 0.0, 0.1 + 1e-17
    for target in (rows[:, -1].copy(), np.full(n, np.nan)):
        rows[:, -1] = target
        for codes in honest_jobs(1).values():
            assert Site(rows).rules(*codes, policy=POLICY) == set()
