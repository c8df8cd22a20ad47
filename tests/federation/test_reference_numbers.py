"""SIMI against fits made elsewhere, on data that live in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from policies import Policy

GOLDEN = Path(__file__).parents[1] / "golden"
CONTINUOUS = [GOLDEN / f"continuous_{name}.csv" for name in ("central", "remote1", "remote2")]
LOGISTIC = [GOLDEN / f"logistic_{name}.csv" for name in ("central", "site1", "site2")]
GAUSSIAN_JOB = {"imputations": 3, "seed": 1, "targets": [{"column": 1, "type": "continuous"}]}
LOGISTIC_JOB = {"imputations": 3, "seed": 1, "targets": [{"column": "event", "type": "binary"}]}


def golden(name: str) -> dict:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def relative(found: object, wanted: object) -> float:
    found, wanted = np.asarray(found), np.asarray(wanted)
    return float(np.max(np.abs(found - wanted)) / np.max(np.abs(wanted)))


async def test_gaussian_simi_equals_ordinary_least_squares_with_intercept(simulate, exact: Policy) -> None:
    fit = (await simulate("SIMI", GAUSSIAN_JOB, CONTINUOUS[0], CONTINUOUS[1:], exact))["fits"]["x1"]
    wanted = golden("simi_gaussian.json")
    assert fit["n"] == wanted["n"]
    assert relative(fit["beta"], wanted["beta"]) < 1e-10
    sigma2 = wanted["SSE"] / (wanted["n"] - len(wanted["beta"]))
    assert fit["sigma2"] == pytest.approx(sigma2, rel=1e-9)
    assert relative(fit["covariance"], np.asarray(wanted["XtX_inverse"]) * sigma2) < 1e-8


async def test_gaussian_simi_under_research_rounding_is_within_1e_8(simulate) -> None:
    fit = (await simulate("SIMI", GAUSSIAN_JOB, CONTINUOUS[0], CONTINUOUS[1:], "research"))["fits"]["x1"]
    assert relative(fit["beta"], golden("simi_gaussian.json")["beta"]) < 1e-8


@pytest.mark.parametrize("policy", ["default", "strict"])
async def test_gaussian_simi_from_cards_errs_as_its_standard_errors_say(simulate, policy: str) -> None:
    fit = (await simulate("SIMI", GAUSSIAN_JOB, CONTINUOUS[0], CONTINUOUS[1:], policy))["fits"]["x1"]
    wanted = golden("simi_gaussian.json")
    sigma2 = wanted["SSE"] / (wanted["n"] - len(wanted["beta"]))
    errors = np.sqrt(np.diag(np.asarray(wanted["XtX_inverse"]) * sigma2))
    own = np.sqrt(np.diag(np.asarray(fit["covariance"])))
    # Four fifths of the variance of this target are explained: what cards leave is then worth much less than the rows, and says so.
    assert (own > errors).all()
    assert (own < 3.0 * errors).all()
    moved = np.abs(np.asarray(fit["beta"]) - wanted["beta"]) / own
    assert np.sqrt(np.mean(moved**2)) < 1.3
    assert moved.max() < 3.0


async def test_logistic_simi_equals_the_maximum_likelihood_fit(simulate, exact: Policy) -> None:
    fit = (await simulate("SIMI", LOGISTIC_JOB, LOGISTIC[0], LOGISTIC[1:], exact))["fits"]["event"]
    wanted = golden("logistic.json")
    assert fit["n"] == wanted["n"]
    assert relative(fit["beta"], wanted["beta"]) < 1e-8
    assert relative(fit["covariance"], np.linalg.inv(wanted["information"])) < 1e-5


@pytest.mark.parametrize(("policy", "share"), [("research", 0.001), ("default", 0.75), ("strict", 1.0)])
async def test_logistic_simi_moves_beta_by_a_share_of_its_error(simulate, policy: str, share: float) -> None:
    fit = (await simulate("SIMI", LOGISTIC_JOB, LOGISTIC[0], LOGISTIC[1:], policy))["fits"]["event"]
    wanted = golden("logistic.json")
    errors = np.sqrt(np.diag(np.linalg.inv(wanted["information"])))
    assert np.max(np.abs(np.asarray(fit["beta"]) - wanted["beta"]) / errors) <= share
    assert np.sqrt(np.diag(np.asarray(fit["covariance"]))) == pytest.approx(errors, rel=0.1)
