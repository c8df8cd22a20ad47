"""`python -m tests.statistics.cards`: logistic regressions from cards against the pooled maximum, in memory.

Central's own rows are exact; K sites state cards by the real code, of complete rows, with errors of a given size, and central's gate reads
them. For each cell: RMSE of the coefficients to the truth (in standard errors of the pooled maximum) ÷ that of the pooled maximum, coverage
of 95 % intervals, and standard errors ÷ those of the pooled maximum. *Own fits*: what these combine to. *Point*: the same with a score at
the common point. *Job*: what a job takes, which is the second where a point is due. A goal is missed when the 95 % limit of a figure of
the job lies beyond it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
from scipy.special import expit

from policies import built_in
from sandbox.estimation.reading import Quadratic
from sandbox.gate.card import Card
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn, is_point_due, settle
from tests.disclosure.stated import File, card_of

Kind = Literal["normal", "half yes/no", "one-hot", "lognormal", "rare", "strong"]
Rows = tuple[np.ndarray, np.ndarray]
"""Predictors and outcomes."""
TARGET: Final = 1
PULL: Final = 0.3 / np.sqrt(8)
"""Of every numeric column on every other."""
FEW_SITES: Final = 3
FEW_GOAL: Final = 1.05
"""Of the RMSE, with that many sites."""
MANY_GOAL: Final = 1.1
COVERAGE: Final = 0.93
WAYS: Final = ("own fits", "point", "job")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is simulated."""

    kind: Kind
    n: int
    """Rows of central and of every site."""
    prevalence: float
    sites: int
    error: float
    """Size of the errors of cards: ν times the policy's multiplier."""


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


def draw(cell: Cell, beta: np.ndarray, rng: np.random.Generator) -> Rows:
    """Rows of one participant."""
    x = predictors(cell.kind, cell.n, rng)
    return x, (rng.random(cell.n) < expit(x @ beta[:-1] + beta[-1])).astype(float)


def newton(x: np.ndarray, y: np.ndarray, ridge: np.ndarray, others: Sequence[Quadratic] = ()) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of a penalised likelihood and of quadratics beside it, and the information there."""
    beta = np.zeros(x.shape[1])
    for _ in range(80):
        p = expit(x @ beta)
        H = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge) + sum(other.H for other in others)
        step = np.linalg.solve(H, x.T @ (y - p) - ridge * beta + sum(other.gradient(beta) for other in others))
        beta = beta + step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    return beta, H


def stand_ins(sites: Sequence[Rows], scale: np.ndarray, error: float, seed: int) -> Iterator[tuple[Card, StandIn]]:
    """The card of each site, and who answers from it in units of this scale about 0, the target first."""
    policy = msgspec.structs.replace(built_in("default"), error=error, max_fits=1)
    units = Units(np.zeros(len(scale)), scale, np.full(len(scale), 0.5), np.arange(len(scale)) == 0)
    for number, (x, y) in enumerate(sites):
        file = File(np.column_stack([y, x]), ("y", *(f"x{place}" for place in range(x.shape[1]))), ("y",))
        card = card_of(file, policy, seed.to_bytes(16, "big") + number.to_bytes(16, "big"))
        yield card, StandIn(file.contract, units, card.stated(units.centre, scale), has_central_intercept=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one set of data, by way."""

    squares: dict[str, float]
    """Mean squared error in standard errors of the pooled maximum."""
    held: dict[str, float]
    """Share of intervals that hold the truth."""
    errors: dict[str, float]
    """Mean standard error ÷ that of the pooled maximum."""
    events: float
    """Per coefficient, median over the sites."""
    is_due: bool


def one(cell: Cell, seed: int) -> Outcome:
    """Draw a truth and rows, state cards, read them."""
    rng = np.random.default_rng([seed, cell.n, cell.sites])
    beta, sd = truth(cell, rng)
    parts = [draw(cell, beta, rng) for _ in range(cell.sites + 1)]
    ridge = np.append(np.full(len(beta) - 1, 0.01), 0.0)
    beta = beta * np.append(sd[:-1], 1.0)
    whole = [np.column_stack([x / sd[:-1], np.ones(len(x))]) for x, _ in parts]

    def fit(readers: Sequence[StandIn]) -> tuple[np.ndarray, np.ndarray]:
        common = settle(readers, TARGET)
        return newton(whole[0], parts[0][1], ridge, [reader.at(TARGET, common) for reader in readers])

    found = {"pooled": newton(np.vstack(whole), np.concatenate([y for _, y in parts]), ridge)}
    cards, readers = zip(*stand_ins(parts[1:], np.append(1.0, sd[:-1]), cell.error, seed), strict=True)
    found["own fits"], is_due = fit(readers), is_point_due(readers, TARGET)
    common = settle(readers, TARGET)
    for card, reader in zip(cards, readers, strict=True):
        reader.take_point(TARGET, card.score(TARGET, reader.in_units_of_fit(TARGET, common)))
    found["point"] = fit(readers)
    found["job"] = found["point" if is_due else "own fits"]
    errors = {way: np.sqrt(np.diagonal(np.linalg.inv(information))) for way, (_, information) in found.items()}
    return Outcome(
        {way: float(np.mean(((estimate - beta) / errors["pooled"]) ** 2)) for way, (estimate, _) in found.items()},
        {way: float(np.mean(np.abs(estimate - beta) < 1.96 * errors[way])) for way, (estimate, _) in found.items()},
        {way: float(np.mean(error / errors["pooled"])) for way, error in errors.items()},
        float(np.median([reader.events_per_coefficient(TARGET) for reader in readers])),
        is_due,
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its Monte Carlo error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ±{self.error:.3f}"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a cell comes to."""

    cell: Cell
    outcomes: Sequence[Outcome]

    def ratio(self, way: str) -> Figure:
        """RMSE ÷ that of the pooled maximum."""
        squares, pooled = (np.array([outcome.squares[name] for outcome in self.outcomes]) for name in (way, "pooled"))
        ratio = float(np.sqrt(squares.mean() / pooled.mean()))
        return Figure(ratio, float(np.std(squares - ratio**2 * pooled) / np.sqrt(len(pooled)) / pooled.mean() / 2 / ratio))

    def coverage(self, way: str) -> Figure:
        """Of 95 % intervals."""
        held = [outcome.held[way] for outcome in self.outcomes]
        return Figure(float(np.mean(held)), float(np.std(held) / np.sqrt(len(held))))

    def misses(self) -> list[str]:
        """The goals that the job certainly does not reach."""
        goal = FEW_GOAL if self.cell.sites <= FEW_SITES else MANY_GOAL
        ratio, coverage = self.ratio("job"), self.coverage("job")
        found = [f"RMSE > {goal}"] if ratio.value - 1.96 * ratio.error > goal else []
        return found + ([f"coverage < {COVERAGE}"] if coverage.value + 1.96 * coverage.error < COVERAGE else [])

    def __str__(self) -> str:
        """A row of a table of Markdown."""
        cell, events = self.cell, np.median([outcome.events for outcome in self.outcomes])
        due, pooled = np.mean([outcome.is_due for outcome in self.outcomes]), self.coverage("pooled")
        text = f"| {cell.kind} | {cell.n} | {cell.prevalence} | {cell.sites} | {cell.error} | {events:.1f} | {due:.2f} | {pooled}"
        for way in WAYS:
            size = np.mean([outcome.errors[way] for outcome in self.outcomes])
            text += f" | {self.ratio(way)} | {self.coverage(way)} | {size:.3f}"
        return f"{text} | {len(self.outcomes)} | {', '.join(self.misses())} |"


CELLS: Final[tuple[tuple[Kind, int, float], ...]] = (
    ("normal", 800, 0.1),
    ("half yes/no", 800, 0.1),
    ("lognormal", 800, 0.1),
    ("one-hot", 1500, 0.1),
    ("rare", 1500, 0.1),
    ("strong", 500, 0.3),
)
SETS: Final = {3: 240, 10: 80, 40: 24}
"""Of data, by number of sites: as many coefficients of as many sites each."""


HEAD: Final = "| predictors | rows | prevalence | sites | error | EPV | due | pooled: coverage |"


def main(shares: str = "0.2,0.4,1", errors: str = "0,2.5", sites: str = "3,10,40", budget: str = "1") -> bool:
    """Print the table. Arguments, lists with commas: shares of the cells' rows, errors, sites; then a multiple of the sets of data.

    Returns:
        Whether a goal is missed.
    """
    is_missed = False
    print(f"{HEAD}{''.join(f' {way}: RMSE | coverage | SE |' for way in WAYS)} sets | missed |\n{'|---' * (10 + 3 * len(WAYS))}|")  # noqa: T201
    for share, n_sites, (kind, n, prevalence), error in itertools.product(shares.split(","), sites.split(","), CELLS, errors.split(",")):
        cell = Cell(kind, round(n * float(share)), prevalence, int(n_sites), float(error))
        summary = Summary(cell, [one(cell, seed) for seed in range(max(2, round(float(budget) * SETS[cell.sites])))])
        is_missed = is_missed or bool(summary.misses())
        print(summary, flush=True)  # noqa: T201
    return is_missed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
