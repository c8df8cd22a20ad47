"""What the rules cost: rounding under `default` moves no estimate of the heart analyses by a hundredth of a standard error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from policies import Policy, built_in
from tests.demo.story import SPEC

HEART = Path(__file__).parents[1] / "data" / "heart"
FILES = (HEART / "va_long_beach.csv", (HEART / "cleveland.csv", HEART / "hungary.csv"))
ROLES = {**dict.fromkeys(("patient", "cp", "restecg", "fbs", "trestbps", "thalach", "oldpeak"), "ignored")}
JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "SIMICE": ("SIMICE", {**SPEC, "imputations": 3, "iteration_before_first_imputation": 5, "iteration_between_imputations": 2}),
    "SIMI, continuous": (
        "SIMI",
        {
            "imputations": 2,
            "seed": 1,
            "targets": [{"column": "chol", "type": "continuous"}],
            "columns": {**ROLES, "exang": "ignored", **dict.fromkeys(("age", "sex", "disease"), "predictor")},
        },
    ),
    "SIMI, binary": (
        "SIMI",
        {
            "imputations": 2,
            "seed": 1,
            "targets": [{"column": "exang", "type": "binary"}],
            "columns": {**ROLES, "chol": "ignored", **dict.fromkeys(("age", "sex", "disease"), "predictor")},
        },
    ),
}


def on_the_grid_of_research() -> Policy:
    """The same rules and rows as `default`, rounded as `research` rounds."""
    research = built_in("research")
    return msgspec.structs.replace(built_in("default"), name="grid", gram_grid=research.gram_grid, score_grid=research.score_grid)


def moved(first: dict[str, Any], second: dict[str, Any]) -> float:
    """The largest difference of an estimate of two runs, in standard errors."""
    moves = []
    for target, fit in first["fits"].items():
        errors = np.sqrt(np.diag(np.asarray(fit["covariance"])))
        moves.append(np.max(np.abs(np.asarray(fit["beta"]) - second["fits"][target]["beta"]) / errors))
    return float(max(moves))


@pytest.mark.parametrize("name", JOBS)
async def test_rounding_under_default_moves_no_estimate_by_a_hundredth_of_its_error(simulate, name: str) -> None:
    pair, job = JOBS[name]
    fine = await simulate(pair, job, *FILES, on_the_grid_of_research(), out="fine")
    default = await simulate(pair, job, *FILES, "default", out="default")
    assert default["refusals"] == fine["refusals"] == []
    assert moved(fine, default) <= 0.01
