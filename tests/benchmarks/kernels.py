"""Gate kernels: fits and draws of a sweep against recomputing X'X, and against scikit-learn on the pooled rows

Processor time of one thread. The baseline is the obvious NumPy: a mask, a copy of the observed rows, X'X, and for a binary target Newton
from zero with a likelihood of its own after every step.
"""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import expit

from sandbox.contract import Column, Contract
from sandbox.gate import kernels
from sandbox.gate.dataset import Dataset
from sandbox.gate.draws import RowDraws
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles
from tests.benchmarks.row import Row

TARGETS: Final = 5
MISSING: Final = 0.2
SIZES: Final = ((200_000, 20, 1 / 20, 1 / 5), (1_000_000, 50, 1 / 50, 1 / 8))
THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def rows() -> Iterator[Row]:
    for n, columns, gaussian_limit, mixed_limit in SIZES:
        found = _child("mixed", n, columns)
        size = f"{n:,} × {columns}"
        yield Row(f"Gaussian target, {size}", found["gaussian"], "ms", found["naive_gaussian"], "recomputing X'X", None, gaussian_limit)
        yield Row(f"sweep of 3 continuous + 2 binary, {size}", found["sweep"], "ms", found["naive_sweep"], "the same", None, mixed_limit)
    n, columns = SIZES[0][:2]
    sklearn = _child("sklearn", n, columns)
    if sklearn["once"]:
        against = "scikit-learn's IterativeImputer on the pooled rows, one iteration"
        gaussian = _child("gaussian", n, columns)["sweep"]
        mixed = _child("mixed", n, columns)["sweep"]
        yield Row(f"sweep of 5 continuous, {n:,} × {columns}", gaussian, "ms", sklearn["once"], against, None, 1 / 100)
        yield Row(f"sweep of 3 continuous + 2 binary, {n:,} × {columns}", mixed, "ms", sklearn["once"], against, None, 1 / 12)
        yield Row(f"sweep of 5 continuous, {n:,} × {columns}", gaussian, "ms", sklearn["more"], "each further iteration of it")


def _child(kind: str, n: int, columns: int) -> dict[str, float]:
    env = {**os.environ, **dict.fromkeys(THREADS, "1")}
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-m", "tests.benchmarks.kernels", kind, str(n), str(columns)]
    done = subprocess.run(arguments, env=env, cwd=root, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def make_rows(n: int, columns: int, n_binary: int) -> tuple[Rows, kernels.Units, RowDraws, np.ndarray]:
    """Standardised rows of one gate, and which cells of them are missing, shape (n, targets) in the order of the rows."""
    random = np.random.default_rng(1)
    values = np.empty((n, columns), order="F")
    shared = random.standard_normal(n)
    for place in range(columns):
        values[:, place] = 0.5 * shared + random.standard_normal(n)
    is_binary = np.arange(columns) >= TARGETS - n_binary
    is_binary[TARGETS:] = False
    values[:, is_binary] = values[:, is_binary] > 0
    for place in range(TARGETS):
        values[random.random(n) < MISSING, place] = np.nan
    described = [
        Column(f"x{i}", "target", "binary" if is_binary[i] else "continuous", ("0", "1") if is_binary[i] else None)
        if i < TARGETS
        else Column(f"x{i}", "predictor")
        for i in range(columns)
    ]
    region = Region(mmap.mmap(-1, 2 * values.nbytes + (1 << 28)))
    tiles = Tiles(region, columns + 1)
    tiles.append(values)
    dataset = Dataset(Contract(tuple(described), ("NA",)), {i + 1: i for i in range(columns)}, tiles)
    mask = np.isnan(values[:, :TARGETS])
    made = Rows(dataset, np.arange(n), find_patterns(mask), region, np.array([1.0]))
    centre, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    units = kernels.Units(centre, scale, centre, is_binary)
    draws = RowDraws(b"sixteen bytes...")
    uniforms = {target: draws.uniform(target, 0, made.missing_rows(target)) for target in made.targets}
    made.standardise(centre, scale, kernels.start_values(made, units, uniforms))
    return made, units, draws, mask[made.file_rows]


class Gate:
    """The product: what a gate and the central module do for each target."""

    def __init__(self, made: Rows, units: kernels.Units, draws: RowDraws) -> None:
        self.rows, self.units, self.draws = made, units, draws
        self.number = 0
        self.warm = {target: np.zeros(made.p - 1) for target in made.targets}

    def gaussian(self, target: int) -> None:
        parts = kernels.gram(self.rows, self.units, target).parts
        beta = np.linalg.solve(parts["XX"], parts["Xy"])
        self.number += 1
        noise = self.draws.normal(target, self.number, self.rows.missing_rows(target), self.rows.noise)
        kernels.draw(self.rows, self.units, target, beta, 0.9, noise)

    def binary(self, target: int) -> None:
        while True:
            parts = kernels.glm_score(self.rows, self.units, target, self.warm[target]).answer.parts
            step = np.linalg.solve(parts["H"], parts["g"])
            self.warm[target] = self.warm[target] + step
            if parts["g"] @ step < 1e-3:
                break
        self.number += 1
        noise = self.draws.uniform(target, self.number, self.rows.missing_rows(target), self.rows.noise)
        kernels.draw(self.rows, self.units, target, self.warm[target], None, noise)

    def sweep(self) -> None:
        for target in self.rows.targets:
            is_binary = self.units.is_binary[target - 1]
            (self.binary if is_binary else self.gaussian)(target)


class Naive:
    """The baseline, on a C-ordered copy of the same rows."""

    def __init__(self, made: Rows, units: kernels.Units, mask: np.ndarray) -> None:
        self.values = np.column_stack([made.column(place) for place in range(made.p)])
        self.mask, self.is_binary = mask, units.is_binary
        self.random = np.random.default_rng(2)

    def gaussian(self, place: int) -> None:
        missing, others = self.mask[:, place], [i for i in range(self.values.shape[1]) if i != place]
        X, y = self.values[~missing][:, others], self.values[~missing, place]
        beta = np.linalg.solve(X.T @ X, X.T @ y)
        self.values[missing, place] = self.values[missing][:, others] @ beta + 0.9 * self.random.standard_normal(missing.sum())

    def binary(self, place: int) -> None:
        missing, others = self.mask[:, place], [i for i in range(self.values.shape[1]) if i != place]
        X, y = self.values[~missing][:, others], (self.values[~missing, place] > 0).astype(float)
        beta = np.zeros(len(others))
        loglik = _loglik(X, y, beta)
        for _ in range(25):
            p = expit(X @ beta)
            H, g = (X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p)
            beta = beta + np.linalg.solve(H, g)
            before, loglik = loglik, _loglik(X, y, beta)
            if abs(loglik - before) < 1e-8 * abs(before):
                break
        drawn = self.random.random(missing.sum()) < expit(self.values[missing][:, others] @ beta)
        self.values[missing, place] = np.where(drawn, 1.0, -1.0)

    def sweep(self) -> None:
        for place in range(TARGETS):
            (self.binary if self.is_binary[place] else self.gaussian)(place)


def _loglik(X: np.ndarray, y: np.ndarray, beta: np.ndarray) -> float:
    eta = X @ beta
    return float(np.sum(y * eta - np.logaddexp(0, eta)))


def quiet(work: Callable[[], None], times: int) -> float:
    """Processor milliseconds of the quietest of some runs, the first left out: others share the machine's cache and memory."""
    work()
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return 1e3 * min(seconds)


def main(kind: str, n: int, columns: int) -> dict[str, float]:
    made, units, draws, mask = make_rows(n, columns, 2 if kind == "mixed" else 0)
    gate = Gate(made, units, draws)
    if kind == "sklearn":
        return _sklearn(made, mask)
    found = {"sweep": quiet(gate.sweep, 5)}
    if kind == "mixed":
        naive = Naive(made, units, mask)
        found["naive_sweep"] = quiet(naive.sweep, 2)
        found["gaussian"] = quiet(lambda: gate.gaussian(1), 15)
        found["naive_gaussian"] = quiet(lambda: naive.gaussian(0), 3)
    return found


def _sklearn(made: Rows, mask: np.ndarray) -> dict[str, float]:
    """Milliseconds of a call with one iteration over the targets, and of each iteration more; 0 when it is not installed."""
    try:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer
    except ImportError:
        return {"once": 0.0, "more": 0.0}
    values = np.column_stack([made.column(place) for place in range(made.n_columns)])
    values[:, :TARGETS][mask] = np.nan

    def run(iterations: int) -> float:
        imputer = IterativeImputer(sample_posterior=True, max_iter=iterations, tol=0.0, skip_complete=True, random_state=1)
        return quiet(lambda: imputer.fit_transform(values), 2)

    once = run(1)
    return {"once": once, "more": (run(5) - once) / 4}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
