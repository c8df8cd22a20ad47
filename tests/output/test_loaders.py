"""R, pandas and the report read the result: as.mids() and pool() on imputed_long.csv, load.py, run.json, methods.txt."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sandbox.pooling import pool
from tests.output.conftest import HEART

R_SCRIPT = """
source("load.R")
stopifnot(inherits(imputed, "mids"), imputed$m == 4, nrow(imputed$data) == 200)
stopifnot(sum(is.na(imputed$data$chol)) == nrow(imputed$imp$chol), is.factor(imputed$data$exang))
stopifnot(!anyNA(complete(imputed, 2)[, c("chol", "thalach", "exang")]))
fit <- with(imputed, lm(chol ~ age + sex))
pooled <- pool(fit)$pooled
write.csv(pooled[, c("term", "estimate", "ubar", "b", "t", "df", "riv", "lambda", "fmi")], "pooled.csv", row.names = FALSE)
glm(exang ~ thalach, family = binomial, data = complete(imputed, 1))
"""


def test_mice_reads_the_long_file_and_pools_it_to_our_numbers(result: Path, rscript: str) -> None:
    done = subprocess.run([rscript, "-e", R_SCRIPT], cwd=result, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    with (result / "pooled.csv").open() as file:
        ours = {row["term"]: row for row in csv.DictReader(file)}
    estimates, variances = [], []
    for number in range(1, 5):
        frame = pd.read_csv(result / f"imputed_{number:03}.csv")
        beta, variance = regress(frame)
        estimates.append(beta)
        variances.append(variance)
    for place, term in enumerate(("(Intercept)", "age", "sex")):
        pooled = pool([one[place] for one in estimates], [one[place] for one in variances], 200 - 3)
        for name, value in (
            ("estimate", pooled.estimate),
            ("ubar", pooled.ubar),
            ("b", pooled.b),
            ("t", pooled.t),
            ("df", pooled.df),
            ("riv", pooled.riv),
            ("lambda", pooled.lambda_),
            ("fmi", pooled.fmi),
        ):
            assert value == pytest.approx(float(ours[term][name]), rel=1e-6), (term, name)


def regress(frame: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Least squares of chol on age and sex: coefficients and their variances."""
    X = np.column_stack([np.ones(len(frame)), frame["age"], frame["sex"]])
    y = frame["chol"].to_numpy()
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ X.T @ y
    residual = y - X @ beta
    return beta.tolist(), (residual @ residual / (len(y) - 3) * np.diag(inverse)).tolist()


def test_the_python_loader_reads_every_imputation(result: Path) -> None:
    specification = importlib.util.spec_from_file_location("tidegate_load", result / "load.py")
    assert specification is not None
    assert specification.loader is not None
    load = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(load)
    frames = load.imputations()
    original = pd.read_csv(HEART / "va_long_beach.csv", na_values=["NA", ""], keep_default_na=False)
    assert len(frames) == load.M == 4
    for frame in frames:
        assert list(frame.columns) == list(original.columns)
        assert not frame[["chol", "thalach", "exang"]].isna().any().any()
        observed = original["chol"].notna()
        assert (frame.loc[observed, "chol"] == original.loc[observed, "chol"]).all()
    long = load.long()
    assert long[".imp"].tolist() == [number for number in range(5) for _ in range(200)]
    assert long[long[".imp"] == 0]["chol"].isna().sum() == original["chol"].isna().sum()


def test_the_stata_loader_names_every_target_by_its_place(result: Path) -> None:
    header = (HEART / "va_long_beach.csv").read_text().splitlines()[0].split(",")
    text = (result / "load.do").read_text()
    assert "mi import flong" in text
    for target in ("chol", "thalach", "exang"):
        assert f"`: word {header.index(target) + 3} of `all''" in text


def test_run_json_has_what_a_mids_object_has_and_what_judges_it(result: Path) -> None:
    run = json.loads((result / "run.json").read_text())
    schedule = run["data"]["schedule"]
    assert schedule["sweeps_kept"] == [9, 12, 15, 18]
    for name in ("chol", "thalach", "exang"):
        (means,), (variances,) = run["data"]["chains"][name]["mean"], run["data"]["chains"][name]["variance"]
        assert len(means) == len(variances) == 19
        # The last sweep is the last imputation: its mean is that of the cells in the file.
        original = pd.read_csv(HEART / "va_long_beach.csv")
        imputed = pd.read_csv(result / "imputed_004.csv").loc[original[name].isna(), name]
        assert imputed.mean() == pytest.approx(means[-1], rel=1e-9)
        assert imputed.var() == pytest.approx(variances[-1], rel=1e-9)
        assert set(run["diagnostics"]["chains"][name]["mean"]) == {
            "split_rhat",
            "effective_size",
            "autocorrelation_at_thinning_lag",
            "z_first_against_last_third",
            "rhat_between_chains",
        }
    slopes = {(entry["target"], entry["predictor"]): entry for entry in run["diagnostics"]["pooled"]}
    assert {("chol", ""), ("chol", "age"), ("exang", "sex")} <= set(slopes)
    assert all(0 <= entry["fmi"] <= 1 and math.isfinite(entry["se"]) for entry in slopes.values())


def test_pooled_defaults_are_those_of_the_completed_files(result: Path) -> None:
    run = json.loads((result / "run.json").read_text())
    found = {(entry["target"], entry["predictor"]): entry for entry in run["diagnostics"]["pooled"]}
    frames = [pd.read_csv(result / f"imputed_{number:03}.csv") for number in range(1, 5)]
    mean = pool([frame["chol"].mean() for frame in frames], [frame["chol"].var() / 200 for frame in frames], 199)
    assert found["chol", ""]["estimate"] == pytest.approx(mean.estimate, rel=1e-9)
    assert found["chol", ""]["fmi"] == pytest.approx(mean.fmi, rel=1e-6)
    slopes, variances = [], []
    for frame in frames:
        X = np.column_stack([frame["age"], frame["sex"], frame["disease"], np.ones(200)])
        y = frame["chol"].to_numpy()
        inverse = np.linalg.inv(X.T @ X)
        beta = inverse @ X.T @ y
        slopes.append(beta[0])
        variances.append(((y - X @ beta) ** 2).sum() / 196 * inverse[0, 0])
    slope = pool(slopes, variances, 196)
    assert found["chol", "age"]["estimate"] == pytest.approx(np.mean(slopes), rel=1e-8)
    assert found["chol", "age"]["se"] == pytest.approx(slope.standard_error, rel=1e-6)


def test_central_of_another_level_is_an_event_that_names_the_remedy(result: Path) -> None:
    run = json.loads((result / "run.json").read_text())
    found = {(event["code"], event["target"]): event for event in run["events"]}
    event = found["event.central_differs", "thalach"]
    assert "central_intercept" in event["remedy"]
    assert ("event.central_differs", "chol") not in found


def test_the_methods_paragraph_says_what_a_paper_must(result: Path) -> None:
    text = " ".join((result / "methods.txt").read_text().split())
    for wanted in ("chol (28 %)", "200 rows", "2 further sites", "SIMICE", "4 imputations", "after 10 iterations", "seed 7", "Rubin"):
        assert wanted in text
    assert "unbounded" in text
    assert "central_intercept" in text
