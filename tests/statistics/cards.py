"""`python -m tests.statistics.cards`: logistic regressions from cards against the pooled maximum, in memory.

Central's own rows are exact; K sites state a Gram, own fits and, where asked, a score at a common point, with errors of a given size. For
each cell: RMSE of the coefficients to the truth (in standard errors of the pooled maximum) ÷ that of the pooled maximum, coverage of 95 %
intervals, standard errors ÷ those of the pooled maximum. The card is made in plain NumPy, of one set of complete rows; the product reads
it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import expit

from sandbox.contract import Column, Contract
from sandbox.estimation.reading import Quadratic
from sandbox.gate.fit_units import INTERCEPT_RIDGE, RIDGE
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn, is_point_due, settle

Kind = Literal["normal", "half yes/no", "one-hot", "lognormal", "rare", "strong"]
TARGET: Final = 1
REACH: Final = 0.5
PULL: Final = 0.3 / np.sqrt(8)
"""Of every numeric column on every other."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is simulated."""

    kind: Kind
    n: int
    """Rows of central and of every site."""
    prevalence: float
    sites: int
    error: float
    """ν times the policy's multiplier."""
    floor: float = 0.5
    """Smallest size of an error of a score, in persons."""
    is_tilted: bool = False
    """Whether an own fit is the maximum of a likelihood tilted by its error, with the diagonal there; else β̂ moved by (H + Λ)⁻¹e."""


def predictors(kind: Kind, n: int, rng: np.random.Generator) -> np.ndarray:
    """Raw predictors, shape (n, k): two-valued columns are 0 and 1."""
    z = rng.normal(size=(n, 7))
    z = z + PULL * z.sum(axis=1, keepdims=True)
    match kind:
        case "half yes/no":
            z[:, ::2] = z[:, ::2] > 0.5
        case "rare":
            z[:, ::2] = z[:, ::2] > 1.9
        case "lognormal":
            z = np.exp(0.8 * z)
        case "one-hot":
            four = np.digitize(z[:, 0], [-0.5, 0.3, 1.0])
            six = np.digitize(rng.normal(size=n) + 0.4 * z[:, 1], [-1.0, -0.3, 0.2, 0.7, 1.4])
            z = np.column_stack([z[:, 2:6], four[:, None] == np.arange(1, 4), six[:, None] == np.arange(1, 6)])
    return z.astype(np.float64)


def truth(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients, intercept last, and the sd of each column."""
    x = predictors(cell.kind, 20_000, rng)
    sd = x.std(axis=0)
    size = 1.0 if cell.kind == "strong" else 0.4
    is_two_valued = np.array([len(np.unique(column)) == 2 for column in x.T])
    slopes = rng.normal(size=x.shape[1]) * size / np.where(is_two_valued, 1.0, sd)
    low, high = -30.0, 30.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(x @ slopes + middle).mean() < cell.prevalence else (low, middle)
    return np.append(slopes, low), np.append(sd, 1.0)


def newton(x: np.ndarray, y: np.ndarray, ridge: np.ndarray, others: tuple[Quadratic, ...] = (), tilt: np.ndarray | float = 0.0) -> tuple:
    """The maximum of a penalised likelihood and of quadratics beside it, and the information there."""
    beta = np.zeros(x.shape[1])
    for _ in range(80):
        p = expit(x @ beta)
        H = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge) + sum(other.H for other in others)
        step = np.linalg.solve(H, x.T @ (y - p) - ridge * beta + tilt + sum(other.gradient(beta) for other in others))
        beta = beta + step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    return beta, H


class Site:
    """Complete rows of a site, and what it states of them."""

    def __init__(self, x: np.ndarray, y: np.ndarray, cell: Cell, rng: np.random.Generator) -> None:
        self.y, self._cell, self._rng = y, cell, rng
        z = np.column_stack([y, x])
        is_two_valued = np.array([len(np.unique(column)) == 2 for column in z.T])
        centre = np.where(is_two_valued, 0.0, z.mean(axis=0))
        scale = np.where(is_two_valued, 1.0, z.std(axis=0))
        canonical = np.column_stack([(z - centre) / scale, np.ones(len(y))])
        gram = self._blurred(canonical, is_two_valued)
        mean = gram[:-1, -1] / len(y)
        spread = np.sqrt(np.diagonal(gram)[:-1] / len(y) - mean**2)
        to_raw = np.diag(np.append(scale, 1.0))
        to_raw[-1, :-1] = centre
        design = np.where(is_two_valued, canonical[:, :-1], (canonical[:, :-1] - mean) / spread)[:, 1:]
        self.design = np.column_stack([design, np.ones(len(y))])
        ridge = np.append(RIDGE * np.where(is_two_valued, spread**2, 1.0)[1:], INTERCEPT_RIDGE)
        found, H = newton(self.design, y, ridge)
        _, diagonal, error = self._score(found, self.design)
        self.beta = found + np.linalg.solve(H, error)
        if cell.is_tilted:
            self.beta, _ = newton(self.design, y, ridge, tilt=error)
            diagonal = self._score(self.beta, self.design)[1]
        levels = np.where(is_two_valued[:, None], [0.0, 1.0], 0.0)
        self._card = {"n": np.asarray(len(y)), "n_observed": np.full(z.shape[1], float(len(y))), "levels": levels}
        self._gram = to_raw.T @ gram @ to_raw
        self._fit = {"n": np.asarray(float(len(y))), "beta": self.beta, "information": diagonal}

    def fields(self, scale: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The card in units of this scale about 0."""
        size = np.append(scale, 1.0)
        said = {"is_exact": np.asarray(0), "error": np.asarray(self._cell.error), "answers_points": np.asarray(1)}
        return {"card": {**self._card, "gram": self._gram / np.outer(size, size), **said}, f"fit.{TARGET}": self._fit}

    def point(self, beta: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
        """The score at a common point, pulled in to `reach` of the own fit."""
        away = beta - self.beta
        distance = np.sqrt(away @ weight @ away / weight[-1, -1])
        at = self.beta + away * min(1.0, REACH / max(distance, 1e-12))
        gradient, diagonal, error = self._score(at, self.design)
        return {"beta": at, "gradient": gradient + error, "information": diagonal}

    def _error(self, terms: np.ndarray, floor: float) -> np.ndarray:
        sizes = np.maximum((terms**2).sum(axis=0) / np.maximum(np.abs(terms).sum(axis=0), 1e-9), floor)
        return self._cell.error * sizes * self._rng.normal(size=sizes.shape)

    def _blurred(self, z: np.ndarray, is_two_valued: np.ndarray) -> np.ndarray:
        q = z.shape[1]
        upper = np.triu_indices(q)
        noise = np.zeros((q, q))
        noise[upper] = self._error(z[:, upper[0]] * z[:, upper[1]], 1.0)
        ones = np.flatnonzero(is_two_valued)
        noise[ones, ones], noise[-1, -1] = noise[ones, -1], 0.0
        gram = z.T @ z + noise + np.triu(noise, 1).T
        values, vectors = np.linalg.eigh(gram)
        floored = (vectors * np.maximum(values, 1.0)) @ vectors.T
        # The number of rows has no error.
        return floored * (len(z) / floored[-1, -1])

    def _score(self, beta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        p = expit(x @ beta)
        w = p * (1 - p)
        diagonal = x**2 * w[:, None]
        stated = np.maximum(diagonal.sum(axis=0) + self._error(diagonal, 0.05), 0.05)
        terms = x * (self.y - p)[:, None]
        return terms.sum(axis=0), stated, self._error(terms, self._cell.floor)


def one(cell: Cell, seed: int) -> dict[str, tuple[float, float, float]]:
    """Squared error, coverage and relative standard error of each way to the fit, and whether a point was due."""
    rng = np.random.default_rng([seed, cell.n, cell.sites])
    beta, sd = truth(cell, rng)
    noise = np.random.default_rng([seed, 1])
    parts = []
    for _ in range(cell.sites + 1):
        x = predictors(cell.kind, cell.n, rng)
        y = (rng.random(cell.n) < expit(x @ beta[:-1] + beta[-1])).astype(float)
        parts.append((x, y))
    k = len(beta) - 1
    contract = Contract((Column("y", "target", "binary", ("0", "1")), *(Column(f"x{j}", "predictor") for j in range(k))))
    scale = np.append(1.0, sd[:-1])
    units = Units(np.zeros(k + 1), scale, np.full(k + 1, 0.5), np.arange(k + 1) == 0)
    ridge = np.append(np.full(k, 0.01), 0.0)
    beta = beta * np.append(sd[:-1], 1.0)
    whole = [np.column_stack([x / sd[:-1], np.ones(len(x))]) for x, _ in parts]
    pooled, H = newton(np.vstack(whole), np.concatenate([y for _, y in parts]), ridge)
    se = np.sqrt(np.diagonal(np.linalg.inv(H)))
    sites = [Site(x, y, cell, noise) for x, y in parts[1:]]
    stand_ins = [StandIn(contract, units, site.fields(scale), has_central_intercept=False) for site in sites]

    def fit(quadratics: list[Quadratic]) -> tuple[np.ndarray, np.ndarray]:
        return newton(whole[0], parts[0][1], ridge, tuple(quadratics))

    found = {"pooled": (pooled, H), "own fits": fit([stand_in._own_quadratic(TARGET) for stand_in in stand_ins])}
    common = settle(stand_ins, TARGET)
    assert common is not None
    found["carried"] = fit([stand_in._quadratic(TARGET) for stand_in in stand_ins])
    for site, stand_in in zip(sites, stand_ins, strict=True):
        reading = stand_in._reading(TARGET)
        stand_in.take_point(TARGET, site.point(stand_in.in_units_of_fit(TARGET, common), reading.at(reading.beta).H))
    settle(stand_ins, TARGET)
    found["point"] = fit([stand_in._quadratic(TARGET) for stand_in in stand_ins])
    epv = np.median([stand_in.events_per_coefficient(TARGET) for stand_in in stand_ins])
    results = {"EPV": (float(epv), float(is_point_due(stand_ins, TARGET)), 0.0)}
    for way, (estimate, information) in found.items():
        own = np.sqrt(np.diagonal(np.linalg.inv(information)))
        is_covered = np.abs(estimate - beta) < 1.96 * own
        results[way] = (float(np.mean(((estimate - beta) / se) ** 2)), float(np.mean(is_covered)), float(np.mean(own / se)))
    return results


def line(cell: Cell, repetitions: int) -> str:
    """A line of the table."""
    rows = [one(cell, seed) for seed in range(repetitions)]
    means = {way: np.mean([row[way] for row in rows], axis=0) for way in rows[0]}
    pooled = np.array([row["pooled"][0] for row in rows])
    text = f"{cell.kind:11} {cell.n:5d} {cell.prevalence:4} {cell.sites:2d} sites, error {cell.error} floor {cell.floor}"
    text += f", EPV {means['EPV'][0]:5.1f} due {means['EPV'][1]:.0f} | pooled {means['pooled'][1]:.3f}"
    for way in ("own fits", "carried", "point"):
        squares = np.array([row[way][0] for row in rows])
        ratio = float(np.sqrt(squares.mean() / pooled.mean()))
        error = float(np.std(squares - ratio**2 * pooled) / np.sqrt(len(rows)) / pooled.mean() / 2 / ratio)
        text += f" | {way} {ratio:.3f} ±{error:.3f} {means[way][1]:.3f} {means[way][2]:.3f}"
    return text


CELLS: Final = (
    *((kind, 800, 0.1) for kind in ("normal", "half yes/no", "lognormal")),
    ("one-hot", 1500, 0.1),
    ("rare", 1500, 0.1),
    ("strong", 500, 0.3),
)


def main() -> None:
    """Arguments, lists with commas: shares of the cells' rows, errors, sites; then the floor of errors and a share of the repetitions."""
    shares = [float(share) for share in sys.argv[1].split(",")]
    errors = [float(error) for error in sys.argv[2].split(",")]
    numbers = [int(sites) for sites in sys.argv[3].split(",")]
    floor = float(sys.argv[4]) if len(sys.argv) > 4 else 0.5
    budget = float(sys.argv[5]) if len(sys.argv) > 5 else 1.0
    start = time.monotonic()
    for share in shares:
        for sites in numbers:
            for kind, n, prevalence in CELLS:
                for error in errors:
                    repetitions = int(budget * {3: 120, 10: 50, 40: 16}[sites])
                    print(line(Cell(kind, int(n * share), prevalence, sites, error, floor), repetitions), flush=True)  # noqa: T201
    print(f"{time.monotonic() - start:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
