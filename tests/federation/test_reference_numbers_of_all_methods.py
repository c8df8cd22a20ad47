"""AVGM, CSL and HDMI through real gates and workers, against fits made elsewhere."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special

from policies import Policy
from tests.sandbox.estimation.test_selection import loglik_of

GOLDEN = Path(__file__).parents[1] / "golden"
CONTINUOUS = [GOLDEN / f"continuous_{name}.csv" for name in ("central", "remote1", "remote2")]
LOGISTIC = [GOLDEN / f"logistic_{name}.csv" for name in ("central", "site1", "site2")]


def read(path: Path, target: str) -> tuple[np.ndarray, np.ndarray]:
    """The design with an intercept and the target, on its observed rows."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if row[target] != "NA"]
    X = np.array([[float(value) for name, value in row.items() if name != target] for row in kept])
    return np.column_stack([X, np.ones(len(X))]), np.array([float(row[target]) for row in kept])


def relative(found: object, wanted: np.ndarray) -> float:
    return float(np.max(np.abs(np.asarray(found) - wanted)) / np.max(np.abs(wanted)))


def mle(X: np.ndarray, y: np.ndarray, tilt: np.ndarray | float = 0.0) -> np.ndarray:
    scale = np.abs(X).max(axis=0)
    Z = X / scale
    return optimize.root(lambda b: Z.T @ (y - special.expit(Z @ b)) + tilt / scale, np.zeros(X.shape[1]), tol=1e-14).x / scale


def job(target: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"imputations": 2, "seed": 1, "targets": [{"column": target, "type": type_}], **more}


async def test_avgmmi_gaussian_is_the_weighted_mean_of_ols(simulate, exact: Policy) -> None:
    fit = (await simulate("AVGMMI", job("x1", "continuous"), CONTINUOUS[0], CONTINUOUS[1:], exact))["fits"]["x1"]
    sites = [read(path, "x1") for path in CONTINUOUS]
    N = sum(len(y) for _, y in sites)
    betas = [np.linalg.lstsq(X, y, rcond=None)[0] for X, y in sites]
    assert relative(fit["beta"], sum(len(y) * beta for (_, y), beta in zip(sites, betas, strict=True)) / N) < 1e-10
    sse = sum(((y - X @ beta) ** 2).sum() for (X, y), beta in zip(sites, betas, strict=True))
    assert fit["sigma2"] == pytest.approx(sse / (N - 3 * sites[0][0].shape[1]), rel=1e-9)
    V = sum(len(y) ** 2 * np.linalg.inv(X.T @ X) for X, y in sites) / N**2
    assert relative(fit["covariance"], V * fit["sigma2"]) < 1e-8


async def test_avgmmi_logistic_is_the_weighted_mean_of_maximum_likelihood_fits(simulate, exact: Policy) -> None:
    sites = [read(path, "event") for path in LOGISTIC]
    N = sum(len(y) for _, y in sites)
    wanted = sum(len(y) * mle(X, y) for X, y in sites) / N
    for policy, tolerance in ((exact, 1e-8), ("research", 1e-7)):
        result = await simulate("AVGMMI", job("event", "binary"), LOGISTIC[0], LOGISTIC[1:], policy, out=f"out-{tolerance}")
        assert relative(result["fits"]["event"]["beta"], wanted) < tolerance
        assert result["round_trips"] == 3


async def test_cslmi_gaussian_is_the_corrected_one_step_fit(simulate, exact: Policy) -> None:
    sites = [read(path, "x1") for path in CONTINUOUS]
    (X, y), N = sites[0], sum(len(y) for _, y in sites)
    local = np.linalg.lstsq(X, y, rcond=None)[0]
    c = sum(Z.T @ (v - Z @ local) for Z, v in sites) / N
    wanted = local + len(y) * np.linalg.solve(X.T @ X, c)
    fits = {}
    for policy, tolerance in ((exact, 1e-8), ("research", 1e-8)):
        name = policy if isinstance(policy, str) else policy.name
        fits[name] = (await simulate("CSLMI", job("x1", "continuous"), CONTINUOUS[0], CONTINUOUS[1:], policy, out=name))["fits"]["x1"]
        assert relative(fits[name]["beta"], wanted) < tolerance
    sse = ((y - X @ local) ** 2).sum()
    assert fits["exact"]["sigma2"] == pytest.approx(sse / (len(y) - X.shape[1]), rel=1e-9)
    assert relative(fits["exact"]["covariance"], len(y) / N * np.linalg.inv(X.T @ X) * fits["exact"]["sigma2"]) < 1e-8


async def test_cslmi_logistic_is_the_corrected_one_step_fit(simulate, exact: Policy) -> None:
    sites = [read(path, "event") for path in LOGISTIC]
    (X, y), N = sites[0], sum(len(y) for _, y in sites)
    local = mle(X, y)
    c = sum(Z.T @ (v - special.expit(Z @ local)) for Z, v in sites) / N
    result = await simulate("CSLMI", job("event", "binary"), LOGISTIC[0], LOGISTIC[1:], exact)
    assert relative(result["fits"]["event"]["beta"], mle(X, y, len(y) * c)) < 1e-8
    assert result["round_trips"] == 3


# --- HDMI


@pytest.fixture
def selection_files(tmp_path: Path) -> list[Path]:
    """The golden set as the three sites of the reference fit."""
    lines = (GOLDEN / "hdmi_synth_gaussian.csv").read_text(encoding="utf-8").splitlines()
    paths = []
    for name, first, last in (("central", 0, 1000), ("remote1", 1000, 3000), ("remote2", 3000, 6000)):
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text("\n".join([lines[0], *lines[1 + first : 1 + last]]) + "\n", encoding="utf-8")
    return paths


def numbers_of(fit: dict[str, Any], is_binary: bool = False) -> list[float]:
    """γ and β with the intercept first and without the exclusion column, log σ, atanh ρ: the order of the reference."""
    gamma, beta = fit["selection"]["gamma"], fit["beta"]
    log_sigma = [] if is_binary else [0.5 * math.log(fit["sigma2"])]
    return [gamma[-1], *gamma[:-1], beta[-1], *beta[:-2], *log_sigma, math.atanh(fit["selection"]["rho"])]


async def test_hdmi_gaussian_is_the_maximum_likelihood_fit_of_r_to_1e_3(simulate, selection_files: list[Path]) -> None:
    wanted = json.loads((GOLDEN / "hdmi_gaussian.json").read_text(encoding="utf-8"))
    spec = job("target", "continuous", columns={"one": "ignored"}, parameters={"exclusion": "x4"})
    result = await simulate("HDMI", spec, selection_files[0], selection_files[1:], "research")
    fit = result["fits"]["target"]
    assert fit["terms"] == ["x1", "x2", "x3", "x4", "(intercept)"]
    assert np.abs(np.subtract(numbers_of(fit), wanted["par"])).max() < 1e-4
    variances = [fit["covariance"][i][i] for i in (4, 0, 1, 2)]
    assert variances == pytest.approx(wanted["vcov_diagonal"][5:9], rel=1e-3)
    assert result["refusals"] == []
    assert result["round_trips"] <= 13


async def test_hdmi_gaussian_from_cards_is_that_fit_within_a_share_of_its_errors(simulate, selection_files: list[Path]) -> None:
    wanted = json.loads((GOLDEN / "hdmi_gaussian.json").read_text(encoding="utf-8"))
    spec = job("target", "continuous", columns={"one": "ignored"}, parameters={"exclusion": "x4"})
    result = await simulate("HDMI", spec, selection_files[0], selection_files[1:], "default")
    fit = result["fits"]["target"]
    moved = np.abs(np.subtract(numbers_of(fit), wanted["par"])) / np.sqrt(wanted["vcov_diagonal"])
    assert moved.max() < 0.5
    assert [fit["covariance"][i][i] for i in (4, 0, 1, 2)] == pytest.approx(wanted["vcov_diagonal"][5:9], rel=0.1)
    assert result["round_trips"] == 2


async def test_hdmi_imputes_the_mean_of_what_is_missing(simulate, selection_files: list[Path], tmp_path: Path) -> None:
    spec = job("target", "continuous", columns={"one": "ignored"}, parameters={"exclusion": 6}, imputations=15)
    await simulate("HDMI", spec, selection_files[0], selection_files[1:])
    wanted = json.loads((GOLDEN / "hdmi_gaussian.json").read_text(encoding="utf-8"))["true_mean_missing"]
    with selection_files[0].open(encoding="utf-8") as file:
        holes = [row["target"] in ("", "NA") for row in csv.DictReader(file)]
    means = []
    for number in range(1, 16):
        with (tmp_path / "out" / f"imputed_{number:03d}.csv").open(encoding="utf-8") as file:
            cells = [float(row["target"]) for row, is_hole in zip(csv.DictReader(file), holes, strict=True) if is_hole]
        means.append(np.mean(cells))
    # All missing cells have that mean; central's 322 have it within 0.15, a fit that takes them as missing at random is 0.5 off.
    assert np.mean(means) == pytest.approx(wanted, abs=0.3)


async def test_hdmi_binary_is_the_maximum_of_the_textbook_likelihood(simulate, tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    z = np.column_stack([rng.normal(size=(4000, 3)), np.ones(4000)])
    u, other = rng.normal(size=(2, 4000))
    y = (z[:, [0, 1, 3]] @ [0.6, -0.4, 0.3] + 0.5 * u + math.sqrt(0.75) * other > 0).astype(float)
    seen = z @ [0.3, -0.2, 0.9, 0.6] + u > 0
    z = z.round(6)
    lines = [f"{int(v) if s else 'NA'},{a},{b},{c}" for v, s, (a, b, c, _) in zip(y, seen, z, strict=True)]
    paths = [tmp_path / f"{n}.csv" for n in range(3)]
    for path, first, last in zip(paths, (0, 900, 2400), (900, 2400, 4000), strict=True):
        path.write_text("\n".join(["y,a,b,c", *lines[first:last]]) + "\n", encoding="utf-8")
    fit = (await simulate("HDMI", job("y", "binary", parameters={"exclusion": "c"}), paths[0], paths[1:], "research"))["fits"]["y"]

    def loss(free: np.ndarray) -> float:
        return -loglik_of(np.insert(free, 7, 0.0), z, y, seen, "binomial") / 4000

    start = np.array([0.2, -0.1, 0.7, 0.5, 0.5, -0.3, 0.2, 0.3])
    best = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-7}).x
    found = [*fit["selection"]["gamma"], *np.delete(fit["beta"], 2), math.atanh(fit["selection"]["rho"])]
    assert np.abs(np.subtract(found, best)).max() < 1e-3
    assert fit["sigma2"] is None
