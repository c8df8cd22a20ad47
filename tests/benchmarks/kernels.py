"""Gate kernels: fits and draws of a sweep against recomputing X'X, and against scikit-learn on the pooled rows

Processor time of one thread. The baseline is the obvious NumPy: a mask, a copy of the observed rows, X'X, and for a binary target Newton
from zero with a likelihood of its own after every step. What is compared takes turns, and each has its quietest turn.
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
MANY_TARGETS: Final = (6, 15)
MISSING: Final = 0.2
SIZES: Final = ((200_000, 20, 1 / 20, 1 / 5), (1_000_000, 50, 1 / 50, 1 / 8))
TURN_SECONDS: Final = 0.2
THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def rows() -> Iterator[Row]:
    for n, columns, gaussian_limit, mixed_limit in SIZES:
        found = _child("mixed", n, columns)
        size = f"{n:,} × {columns}"
        yield Row(f"Gaussian target, {size}", found["gaussian"], "ms", found["naive_gaussian"], "recomputing X'X", None, gaussian_limit)
        yield Row(f"sweep of 3 continuous + 2 binary, {size}", found["sweep"], "ms", found["naive_sweep"], "the same", None, mixed_limit)
    n, columns = SIZES[0][:2]
    for targets in MANY_TARGETS:
        found = _child("patterns", n, columns, targets)
        what = f"Gaussian target, {n:,} × {columns}, {found['patterns']:,.0f} patterns"
        yield Row(what, found["gaussian"], "ms", found["naive_gaussian"], "the same")
    sklearn = _child("sklearn", n, columns)
    if sklearn["once"]:
        against = "scikit-learn's IterativeImputer on the pooled rows, one iteration"
        gaussian = sklearn["sweep"]
        yield Row(f"sweep of 5 continuous, {n:,} × {columns}", gaussian, "ms", sklearn["once"], against, None, 1 / 100)
        yield Row(f"sweep of 3 continuous + 2 binary, {n:,} × {columns}", sklearn["mixed"], "ms", sklearn["once"], against, None, 1 / 12)
        yield Row(f"sweep of 5 continuous, {n:,} × {columns}", gaussian, "ms", sklearn["more"], "each further iteration of it")


def _child(kind: str, n: int, columns: int, targets: int = TARGETS) -> dict[str, float]:
    env = {**os.environ, **dict.fromkeys(THREADS, "1")}
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-m", "tests.benchmarks.kernels", kind, str(n), str(columns), str(targets)]
    done = subprocess.run(arguments, env=env, cwd=root, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def make_dataset(n: int, columns: int, n_binary: int, targets: int = TARGETS) -> tuple[Dataset, Region, np.ndarray]:
    """An upload, the region it is in, and its values, shape (n, columns)."""
    random = np.random.default_rng(1)
    values = np.empty((n, columns), order="F")
    shared = random.standard_normal(n)
    for place in range(columns):
        values[:, place] = 0.5 * shared + random.standard_normal(n)
    is_binary = np.arange(columns) >= targets - n_binary
    is_binary[targets:] = False
    values[:, is_binary] = values[:, is_binary] > 0
    for place in range(targets):
        values[random.random(n) < MISSING, place] = np.nan
    described = [
        Column(f"x{i}", "target", "binary" if is_binary[i] else "continuous", ("0", "1") if is_binary[i] else None)
        if i < targets
        else Column(f"x{i}", "predictor")
        for i in range(columns)
    ]
    region = Region(mmap.mmap(-1, 2 * values.nbytes + (1 << 28)))
    tiles = Tiles(region, columns + 1)
    tiles.append(values)
    return Dataset(Contract(tuple(described), ("NA",)), {i + 1: i for i in range(columns)}, tiles), region, values


def make_rows(n: int, columns: int, n_binary: int, targets: int = TARGETS) -> tuple[Rows, kernels.Units, RowDraws, np.ndarray]:
    """Standardised rows of one gate, and which cells of them are missing, shape (n, targets) in the order of the rows."""
    dataset, region, values = make_dataset(n, columns, n_binary, targets)
    is_binary = np.array([dataset.contract.column(index).is_binary for index in dataset.contract.model])
    mask = np.isnan(values[:, :targets])
    made = Rows(dataset, np.arange(n), find_patterns(mask), region, np.array([1.0]))
    centre, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    units = kernels.Units(centre, scale, centre, is_binary)
    draws = RowDraws(b"sixteen bytes...")
    binary = [target for target in made.targets if is_binary[target - 1]]
    uniforms = {target: draws.uniform(target, 0, made.missing_rows(target)) for target in binary}
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
            parts = kernels.glm_score(self.rows, self.units, target, self.warm[target]).parts
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
        for place in range(self.mask.shape[1]):
            (self.binary if self.is_binary[place] else self.gaussian)(place)


def _loglik(X: np.ndarray, y: np.ndarray, beta: np.ndarray) -> float:
    eta = X @ beta
    return float(np.sum(y * eta - np.logaddexp(0, eta)))


def quiet(times: int, **works: Callable[[], object]) -> dict[str, float]:
    """Processor milliseconds of the quietest run of each in some turns: others share the machine's cache and memory."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(times + 1):
        for name, work in works.items():
            # The first of a turn finds the caches full of something else.
            turn: list[float] = []
            while len(turn) < 2 or sum(turn) < TURN_SECONDS:
                start = time.process_time()
                work()
                turn.append(time.process_time() - start)
            seconds[name] += turn[1:]
    return {name: 1e3 * min(found) for name, found in seconds.items()}


def main(kind: str, n: int, columns: int, targets: int) -> dict[str, float]:
    made, units, draws, mask = make_rows(n, columns, 2 if kind == "mixed" else 0, targets)
    gate = Gate(made, units, draws)
    if kind == "sklearn":
        return _sklearn(gate, Gate(*make_rows(n, columns, 2, targets)[:3]), mask)
    naive = Naive(made, units, mask)
    found = quiet(8, gaussian=lambda: gate.gaussian(1), naive_gaussian=lambda: naive.gaussian(0))
    found["patterns"] = float(len(made.masks))
    return found | (quiet(2, sweep=gate.sweep, naive_sweep=naive.sweep) if kind == "mixed" else {})


def _sklearn(gate: Gate, mixed: Gate, mask: np.ndarray) -> dict[str, float]:
    """Milliseconds of a sweep of each gate, of a call with one iteration over the targets, and of each more; 0 without scikit-learn."""
    try:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer
    except ImportError:
        return {"once": 0.0}
    values = np.column_stack([gate.rows.column(place) for place in range(gate.rows.n_columns)])
    values[:, :TARGETS][mask] = np.nan

    def run(iterations: int) -> object:
        imputer = IterativeImputer(sample_posterior=True, max_iter=iterations, tol=0.0, skip_complete=True, random_state=1)
        return imputer.fit_transform(values)

    found = quiet(3, sweep=gate.sweep, mixed=mixed.sweep, once=lambda: run(1), five=lambda: run(5))
    return found | {"more": (found["five"] - found["once"]) / 4}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
