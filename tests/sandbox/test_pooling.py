"""Rubin's rules against R's mice, and what they refuse."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sandbox.pooling import pool

CASES = json.loads((Path(__file__).parents[1] / "golden" / "pooling.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_pooling_gives_the_numbers_of_mice(case: dict[str, Any]) -> None:
    dfcom = math.inf if case["dfcom"] == "inf" else case["dfcom"]
    pooled = pool(case["estimates"], case["variances"], dfcom)
    for name in ("estimate", "ubar", "b", "t", "df", "riv", "fmi"):
        assert getattr(pooled, name) == pytest.approx(case[name], rel=1e-9), name
    assert pooled.lambda_ == pytest.approx(case["lambda"], rel=1e-9)
    assert pooled.standard_error == pytest.approx(math.sqrt(case["t"]))


def test_imputations_that_agree_add_no_uncertainty() -> None:
    pooled = pool([2.0, 2.0, 2.0], [0.5, 0.7, 0.6], dfcom=30)
    assert (pooled.b, pooled.riv, pooled.lambda_) == (0, 0, 0)
    assert pooled.t == pooled.ubar == pytest.approx(0.6)
    assert pooled.df == pytest.approx(31 / 33 * 30)


def test_without_a_df_of_the_complete_data_agreement_is_a_normal() -> None:
    pooled = pool([2.0, 2.0], [0.5, 0.5])
    assert math.isinf(pooled.df)
    assert pooled.fmi == 0


def test_an_estimate_without_variance_of_its_own_is_all_missing_information() -> None:
    pooled = pool([1.0, 3.0], [0.0, 0.0])
    assert (pooled.lambda_, pooled.fmi) == (1.0, 1.0)
    assert math.isinf(pooled.riv)


@pytest.mark.parametrize(
    ("estimates", "variances", "dfcom"),
    [
        ([1.0], [1.0], 9),
        ([1.0, 2.0], [1.0], 9),
        ([1.0, math.nan], [1.0, 1.0], 9),
        ([1.0, 2.0], [1.0, -1.0], 9),
        ([1.0, 2.0], [1.0, 1.0], 0),
    ],
)
def test_what_cannot_be_pooled_is_refused(estimates: list[float], variances: list[float], dfcom: float) -> None:
    with pytest.raises(ValueError):
        pool(estimates, variances, dfcom)
