"""`python -m tests.statistics.jobs [data sets]`: what cards cost whole jobs, over real gates and workers.

Central and two sites of 500 rows with two continuous targets, a binary one with a prevalence of .1 and two predictors; a quarter of each
target is missing at random: more often where the next target, or the first predictor, is large. SIMICE under `research`, whose sites answer
exactly, and under `default`, whose sites state cards: the same files, the same seed. Of each target's last fit the error to the truth in
standard errors of `research`, and of the analysis of central's completed rows the error to the truth, both as root mean squares over the
data sets; the share of intervals of the fit that hold the truth; and standard errors against each other.
"""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import special

from policies import built_in
from sandbox.errors import TidegateError
from sandbox.job import job_from_table
from sandbox.manifest import load_pair
from sandbox.pooling import pool
from sandbox.simulate import Inputs, Simulation
from sandbox.supervisor import Supervisor

PAIR: Final = Path(__file__).parents[2] / "algorithms" / "SIMICE"
N: Final = 500
SITES: Final = 2
MISSING: Final = 0.25
POLICIES: Final = ("research", "default")
TARGETS: Final = ("y", "z", "b")
JOB: Final[dict[str, Any]] = {
    "imputations": 10,
    "iteration_before_first_imputation": 8,
    "iteration_between_imputations": 3,
    "targets": [{"column": name, "type": "binary" if name == "b" else "continuous"} for name in TARGETS],
}
B_SLOPES: Final = (0.5, -0.4)
"""Of the log odds of b on y and z beside x1, w: 0."""
LARGE: Final = 2_000_000
Rows = np.ndarray


def draw(n: int, rng: np.random.Generator) -> Rows:
    """Complete rows y, z, b, x1, x2, shape (n, 5)."""
    x1 = rng.normal(size=n)
    x2 = 0.4 * x1 + rng.normal(size=n)
    y = 0.6 * x1 - 0.3 * x2 + rng.normal(size=n)
    z = 0.5 * y + 0.4 * x2 + rng.normal(size=n)
    b = rng.random(n) < special.expit(-2.75 + B_SLOPES[0] * y + B_SLOPES[1] * z + 0.5 * x1)
    return np.column_stack([y, z, b, x1, x2])


def fit(rows: Rows, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of a target on all other columns, intercept last, and their covariance."""
    X, y = np.column_stack([np.delete(rows, target, axis=1), np.ones(len(rows))]), rows[:, target]
    if TARGETS[target] != "b":
        inverse = np.linalg.inv(X.T @ X)
        beta = inverse @ (X.T @ y)
        return beta, inverse * (((y - X @ beta) ** 2).sum() / (len(y) - X.shape[1]))
    beta = np.zeros(X.shape[1])
    for _ in range(30):
        p = special.expit(X @ beta)
        inverse = np.linalg.inv((X * (p * (1 - p))[:, None]).T @ X)
        beta = beta + inverse @ (X.T @ (y - p))
    return beta, inverse


def with_gaps(rows: Rows, rng: np.random.Generator) -> Rows:
    """The rows with a quarter of each target missing, by columns that are never missing and the next target."""
    found = rows.copy()
    for target in range(3):
        lean = 0.8 * rows[:, 3] + 0.6 * rows[:, (target + 1) % 3]
        shift = np.quantile(-lean + rng.logistic(size=len(rows)), MISSING)
        found[rng.logistic(size=len(rows)) < lean + shift, target] = np.nan
    return found


def write(path: Path, rows: Rows) -> Path:
    """A CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*TARGETS, "x1", "x2"))
        for row in rows:
            writer.writerow("NA" if np.isnan(v) else int(v) if i == 2 else repr(float(v)) for i, v in enumerate(row))
    return path


def analysed(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pooled coefficients of z and of b, from central's completed rows, one after the other, and their standard errors."""
    sets = [np.loadtxt(path, delimiter=",", skiprows=1) for path in sorted(folder.glob("imputed_[0-9]*.csv"))]
    estimates, errors = [], []
    for target in (1, 2):
        fits = [fit(rows, target) for rows in sets]
        for place in range(len(fits[0][0])):
            pooled = pool([beta[place] for beta, _ in fits], [float(V[place, place]) for _, V in fits], N - 5)
            estimates.append(pooled.estimate)
            errors.append(pooled.standard_error)
    return np.array(estimates), np.array(errors)


@dataclass
class Found:
    """Of one policy, over the data sets."""

    fits: list[np.ndarray] = field(default_factory=list)
    """β − truth, shape (targets, coefficients)."""
    errors: list[np.ndarray] = field(default_factory=list)
    analyses: list[np.ndarray] = field(default_factory=list)
    analysis_errors: list[np.ndarray] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)
    failures: dict[int, str] = field(default_factory=dict)


async def study(n_sets: int) -> dict[str, Found]:
    """Run all."""
    truth_rows = draw(LARGE, np.random.default_rng(99))
    truth = np.array([fit(truth_rows, target)[0] for target in range(3)])
    found = {policy: Found() for policy in POLICIES}
    supervisor = await Supervisor.start()
    try:
        for seed in range(n_sets):
            rng = np.random.default_rng([seed, 7])
            with tempfile.TemporaryDirectory() as name:
                paths = [write(Path(name) / f"part{k}.csv", with_gaps(draw(N, rng), rng)) for k in range(SITES + 1)]
                for policy, about in found.items():
                    await _run(paths, policy, seed, about, truth, supervisor)
    finally:
        await supervisor.close()
    return found


async def _run(paths: list[Path], policy: str, seed: int, about: Found, truth: np.ndarray, supervisor: Supervisor) -> None:
    out = paths[0].parent / policy
    inputs = Inputs(load_pair(PAIR), job_from_table(JOB | {"seed": seed}), paths[0], tuple(paths[1:]), built_in(policy), out)
    try:
        result = await Simulation(inputs).run_on(supervisor)
    except TidegateError as error:
        about.failures[seed] = error.code.value
        return
    fits = [result["fits"][name] for name in TARGETS]
    about.fits.append(np.array([f["beta"] for f in fits]) - truth)
    about.errors.append(np.array([np.sqrt(np.diag(np.asarray(f["covariance"]))) for f in fits]))
    estimates, errors = analysed(out)
    about.analyses.append(estimates - truth[1:].ravel())
    about.analysis_errors.append(errors)
    about.asked |= {traffic["messages"] for site, traffic in result["released"].items() if site != "central"}


def lines(found: dict[str, Found]) -> list[str]:
    """The results as text."""
    research, default = (found[policy] for policy in POLICIES)
    text = [
        f"{policy}: {len(about.fits)} ran, stopped {about.failures}, sites asked {sorted(about.asked)}" for policy, about in found.items()
    ]
    kept = [seed for seed in range(len(research.fits) + len(research.failures)) if not any(seed in f.failures for f in found.values())]
    size = np.mean(research.errors, axis=0)
    off = {policy: np.array(_of(about, about.fits, kept)) for policy, about in found.items()}
    for target, name in enumerate(TARGETS):
        rms = {policy: float(np.sqrt(np.mean((values[:, target] / size[target]) ** 2))) for policy, values in off.items()}
        ratio = float(np.mean(np.mean(default.errors, axis=0)[target] / size[target]))
        held = [
            float(np.mean(np.abs(off[policy][:, target]) < 1.96 * np.array(_of(found[policy], found[policy].errors, kept))[:, target]))
            for policy in POLICIES
        ]
        text.append(
            f"fit of {name}: RMSE {rms['research']:.3f} and {rms['default']:.3f} SE, ratio {rms['default'] / rms['research']:.3f}; "
            f"SE ratio {ratio:.3f}; intervals hold {held[0]:.3f} and {held[1]:.3f}"
        )
    spread = np.mean(research.analysis_errors, axis=0)
    rms_analysis = [float(np.sqrt(np.mean((np.array(_of(about, about.analyses, kept)) / spread) ** 2))) for about in found.values()]
    held = [float(np.mean(np.abs(np.array(about.analyses)) < 1.96 * np.array(about.analysis_errors))) for about in found.values()]
    grown = float(np.mean(np.mean(default.analysis_errors, axis=0) / spread))
    text.append(
        f"analysis at central: RMSE {rms_analysis[0]:.3f} and {rms_analysis[1]:.3f} SE, ratio {rms_analysis[1] / rms_analysis[0]:.3f}; "
        f"SE ratio {grown:.3f}; intervals hold {held[0]:.3f} and {held[1]:.3f}"
    )
    return text


def _of(about: Found, values: list[np.ndarray], kept: list[int]) -> list[np.ndarray]:
    """Those of the data sets that ran under every policy."""
    ran = [seed for seed in range(len(about.fits) + len(about.failures)) if seed not in about.failures]
    return [value for seed, value in zip(ran, values, strict=True) if seed in kept]


if __name__ == "__main__":
    for line in lines(asyncio.run(study(int(sys.argv[1]) if len(sys.argv) > 1 else 20))):
        print(line)  # noqa: T201
