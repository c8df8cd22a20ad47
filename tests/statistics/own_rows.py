"""`python -m tests.statistics.own_rows`: rows that a site fills itself, once, against sweeps that fill them by pooled draws; in memory.

Central and three sites, T continuous targets and two predictors; a target is missing the more often the larger the next one is, as far
as that is shown, and the last one the larger the first predictor is. *Sweeps*: chained equations with pooled fits in which every
participant's cells are drawn every time, which is what all rows in one place do. *Own rows*: sites complete their files and state cards by
the real code, central's gate reads them, and only central's cells are drawn. Of central's completed rows each target is regressed on all
other columns, and pooled. RMSE to the truth and standard error ÷ empirical standard deviation, both ÷ those of the sweeps, and coverage of
95 % intervals; their Monte Carlo errors are those of a bootstrap over the sets of data. A goal is missed when the 95 % limit of a figure
lies beyond it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
from scipy.special import stdtrit

from policies import built_in
from sandbox.gate.card import Wants, make_card
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn, settle_all
from sandbox.gate.sticky import Errors
from tests.disclosure.stated import File
from tests.statistics.cards import Figure

Term = Literal["none", "complete", "gaps"]
SITES: Final = 3
LEVELS: Final = (-0.5, 0.15, 0.8)
SD_OF_SLOPES: Final = 0.2
IMPUTATIONS, BEFORE, BETWEEN = 5, 6, 2
BATCH: Final = 50
SWEEPS: Final = "sweeps"
RMSE, RMSE_OF_MANY_GAPS, MANY_GAPS = 1.06, 1.1, 0.6
SE, COVERAGE, BIAS = 0.1, 0.93, 0.1
LESS_COVERAGE: Final = 0.02
"""Than of sweeps, where sites differ: pooled fits are then biased, those of sweeps as well."""
BOOTSTRAPS: Final = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """What is simulated."""

    targets: int
    missing: float
    """Share of each target's cells."""
    n: int
    """Rows of central and of every site."""
    differ: bool = False
    """Whether sites have other levels and slopes than central."""
    term: Term = "none"
    """Whether there is a column for the product of the predictors; *gaps*: sites miss a quarter of the second one, and of that product."""

    @property
    def slopes(self) -> np.ndarray:
        """Of each column on those drawn before it, shape (d, d): targets, then predictors, then the product."""
        T = self.targets
        slopes = np.zeros((T + 2 + (self.term != "none"),) * 2)
        slopes[T + 1, T] = 0.4
        slopes[0, T:] = (0.6, -0.3, 0.4)[: len(slopes) - T]
        for t in range(1, T):
            slopes[t, t - 1], slopes[t, T + t % 2] = 0.5, 0.4
        return slopes

    @property
    def truth(self) -> np.ndarray:
        """Coefficients of each target on all other columns and the intercept, shape (T, d)."""
        root = np.linalg.inv(np.eye(len(self.slopes)) - self.slopes)
        precision = np.linalg.inv(root @ root.T)
        found = [-np.delete(precision[t], t) / precision[t, t] for t in range(self.targets)]
        return np.column_stack([found, np.zeros(self.targets)])


def draw(cell: Cell, rng: np.random.Generator) -> list[np.ndarray]:
    """The file of each participant, central first, shape (n, d): NaN where missing."""
    files, T = [], cell.targets
    for number in range(SITES + 1):
        slopes, level = cell.slopes, 0.0
        if cell.differ and number:
            slopes, level = slopes + SD_OF_SLOPES * (slopes != 0) * rng.normal(size=slopes.shape), LEVELS[number - 1]
        rows = rng.normal(size=(cell.n, len(slopes)))
        rows[:, T + 1] += slopes[T + 1, T] * rows[:, T]
        if cell.term != "none":
            rows[:, -1] = rows[:, T] * rows[:, T + 1]
        for t in range(T):
            rows[:, t] += level + rows @ slopes[t]
        for t in reversed(range(T)):
            # The next target as it is shown: so they are missing at random.
            lean = np.nan_to_num(rows[:, t + 1]) / np.sqrt(1.5) + rng.logistic(size=cell.n) / 2.0
            rows[lean > np.quantile(lean, 1.0 - cell.missing), t] = np.nan
        if cell.term == "gaps" and number:
            rows[rng.random(cell.n) < 0.25, T + 1 :] = np.nan
        files.append(rows)
    return files


Told = tuple[np.ndarray, np.ndarray]
"""Of each target Σ zz' of all columns and the intercept, shape (T, d + 1, d + 1), and of how many rows, shape (T,)."""


def told(files: Sequence[np.ndarray], targets: int, errors: Sequence[float], seed: int) -> list[Told]:
    """What the cards of sites say together, for each size of errors."""
    d = files[0].shape[1]
    names, units = tuple(f"c{place}" for place in range(d)), Units(np.zeros(d), np.ones(d), np.zeros(d), np.zeros(d, bool))
    readers: list[list[StandIn]] = [[] for _ in errors]
    for number, values in enumerate(files):
        file, secret = File(values, names, (), names[:targets]), seed.to_bytes(16, "big") + number.to_bytes(16, "big")
        own = file.own_rows(secret)
        for error, mine in zip(errors, readers, strict=True):
            policy = msgspec.structs.replace(built_in("default"), error=error, max_fits=1)
            card = make_card(own, file.contract, Errors(secret, b"life", error), policy, Wants())
            mine.append(StandIn(file.contract, units, card.stated(units.centre, units.scale), has_central_intercept=False))
    for mine in readers:
        settle_all({str(number): reader for number, reader in enumerate(mine)}, file.contract)
    return [_together(mine, targets, d) for mine in readers]


def _together(readers: Sequence[StandIn], targets: int, d: int) -> Told:
    grams, n = np.zeros((targets, d + 1, d + 1)), np.zeros(targets)
    for reader, t in itertools.product(readers, range(targets)):
        parts, others = reader.gram(t + 1).parts, np.delete(np.arange(d + 1), t)
        grams[t][np.ix_(others, others)] += parts["XX"]
        grams[t][others, t] += parts["Xy"]
        grams[t][t, others] += parts["Xy"]
        grams[t][t, t] += parts["yy"]
        n[t] += parts["n"]
    return grams, n


def chains(z: np.ndarray, missing: np.ndarray, gram: np.ndarray, n: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Chained equations of S sets at once: the completed rows, one imputation after another.

    Args:
        z: design rows, the intercept last, 0 where missing; shape (S, rows, d + 1). Filled here.
        missing: shape (S, rows, T).
        gram: what is known beside the rows, shape (S, T, d + 1, d + 1).
        n: of how many rows, shape (S, T).
        rng: for starts and draws.
    """
    for number in range(1, BEFORE + BETWEEN * (IMPUTATIONS - 1) + 1):
        for t in range(missing.shape[2]):
            is_shown = ~missing[:, :, t]
            others = np.delete(np.arange(z.shape[2]), t)
            full = z.transpose(0, 2, 1) @ (z * is_shown[:, :, None]) + gram[:, t]
            inverse = np.linalg.inv(full[:, others][:, :, others])
            beta = (inverse @ full[:, others, t][:, :, None])[:, :, 0]
            df = is_shown.sum(axis=1) + n[:, t] - len(others)
            sigma = np.sqrt((full[:, t, t] - np.vecdot(beta, full[:, others, t])) / rng.chisquare(df))
            beta = beta + sigma[:, None] * (np.linalg.cholesky(inverse) @ rng.normal(size=(*beta.shape, 1)))[:, :, 0]
            drawn = (z[:, :, others] @ beta[:, :, None])[:, :, 0] + sigma[:, None] * rng.normal(size=z.shape[:2])
            np.copyto(z[:, :, t], drawn, where=~is_shown)
        if number >= BEFORE and (number - BEFORE) % BETWEEN == 0:
            yield z


def analysed(completed: Iterator[np.ndarray], n: int, targets: int, truth: np.ndarray) -> np.ndarray:
    """Pooled errors, standard errors and whether intervals hold, of the first n rows' regressions; shape (3, S, coefficients)."""
    estimates, variances = [], []
    for z in completed:
        rows, found = z[:, :n], ([], [])
        for t in range(targets):
            X, y = np.delete(rows, t, axis=2), rows[:, :, t, None]
            inverse = np.linalg.inv(X.transpose(0, 2, 1) @ X)
            beta = inverse @ (X.transpose(0, 2, 1) @ y)
            left = ((y - X @ beta) ** 2).sum(axis=1) / (n - X.shape[2])
            found[0].append(beta[:, :, 0])
            found[1].append(left * np.diagonal(inverse, axis1=1, axis2=2))
        estimates.append(np.concatenate(found[0], axis=1))
        variances.append(np.concatenate(found[1], axis=1))
    between = (1.0 + 1.0 / IMPUTATIONS) * np.var(estimates, axis=0, ddof=1)
    total = np.mean(variances, axis=0) + between
    # Barnard and Rubin's degrees of freedom, as `sandbox.pooling`.
    share, complete = between / total, n - truth.shape[1]
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    df = 1.0 / (share**2 / (IMPUTATIONS - 1) + 1.0 / observed)
    off = np.mean(estimates, axis=0) - truth.ravel()
    return np.stack([off, np.sqrt(total), np.abs(off) < stdtrit(df, 0.975) * np.sqrt(total)])


def batch(cell: Cell, errors: Sequence[float], seeds: range) -> dict[str, np.ndarray]:
    """As :func:`analysed`, by way: sweeps, and cards with errors of these sizes."""
    T, truth = cell.targets, cell.truth
    files = np.stack([draw(cell, np.random.default_rng([seed, cell.n, T])) for seed in seeds])
    pooled = files.reshape(len(seeds), -1, files.shape[3])
    nothing = np.zeros((len(seeds), T, *(pooled.shape[2] + 1,) * 2)), np.zeros((len(seeds), T))
    ways = {SWEEPS: (pooled, *nothing)}
    cards = [told(list(file[1:]), T, errors, seed) for file, seed in zip(files, seeds, strict=True)]
    for place, error in enumerate(errors):
        ways[f"{error:g}"] = files[:, 0], *(np.stack([card[place][part] for card in cards]) for part in range(2))
    found = {}
    for way, (rows, gram, n) in ways.items():
        missing = np.isnan(rows[:, :, :T])
        # Sweeps leave out rows with missing predictors, as sites did: rows of zeros add nothing.
        is_used = ~np.isnan(rows[:, :, T:]).any(axis=2)
        rng = np.random.default_rng([seeds.start, 1])
        z = np.concatenate([np.nan_to_num(rows), np.ones((*rows.shape[:2], 1))], axis=2) * is_used[:, :, None]
        found[way] = analysed(chains(z, missing | ~is_used[:, :, None], gram, n, rng), cell.n, T, truth)
    return found


@dataclass(frozen=True, slots=True)
class Summary:
    """Cards against sweeps in a cell."""

    cell: Cell
    error: float
    own: np.ndarray
    sweeps: np.ndarray

    def figures(self) -> dict[str, Figure]:
        """RMSE ÷, SE/SD ÷, coverage of both and its difference, and the bias of the product's coefficient in standard errors."""
        size = self.sweeps[1].mean(axis=0)

        def of(own: np.ndarray, sweeps: np.ndarray) -> list[float]:
            rmse = [float(np.sqrt(np.mean((way[0] / size) ** 2))) for way in (own, sweeps)]
            ratio = [float(np.mean(way[1].mean(axis=0) / way[0].std(axis=0))) for way in (own, sweeps)]
            bias = float(own[0, :, -2].mean() / size[-2]) if self.cell.term != "none" else 0.0
            held = [float(way[2].mean()) for way in (own, sweeps)]
            return [rmse[0] / rmse[1], ratio[0] / ratio[1], *held, held[0] - held[1], bias]

        rng, n = np.random.default_rng(1), self.own.shape[1]
        again = [of(self.own[:, some], self.sweeps[:, some]) for some in rng.integers(n, size=(BOOTSTRAPS, n))]
        values = zip(of(self.own, self.sweeps), np.std(again, axis=0), strict=True)
        return dict(zip(("RMSE", "SE", "coverage", "of sweeps", "more", "bias"), itertools.starmap(Figure, values), strict=True))

    def misses(self) -> list[str]:
        """The goals that are certainly not reached."""
        found, most = self.figures(), RMSE_OF_MANY_GAPS if self.cell.missing >= MANY_GAPS else RMSE
        off = {name: abs(found[name].value - middle) - 1.96 * found[name].error for name, middle in (("SE", 1.0), ("bias", 0.0))}
        is_missed = {
            f"RMSE > {most}": found["RMSE"].value - 1.96 * found["RMSE"].error > most,
            f"SE off by > {SE}": off["SE"] > SE,
            f"coverage < {COVERAGE}": not self.cell.differ and found["coverage"].value + 1.96 * found["coverage"].error < COVERAGE,
            "coverage < of sweeps": self.cell.differ and found["more"].value + 1.96 * found["more"].error < -LESS_COVERAGE,
            f"bias > {BIAS} SE": off["bias"] > BIAS,
        }
        return [goal for goal, missed in is_missed.items() if missed]

    def __str__(self) -> str:
        """A row of a table of Markdown."""
        cell, found = self.cell, self.figures()
        kind = f"{'differ' if cell.differ else 'alike'}{'' if cell.term == 'none' else f', product ({cell.term})'}"
        bias = found["bias"] if cell.term != "none" else ""
        text = (
            f"| {cell.targets} | {cell.missing} | {cell.n} | {kind} | {self.error} | {found['RMSE']} | {found['SE']} | {found['coverage']}"
        )
        return f"{text} | {found['of sweeps']} | {bias} | {self.own.shape[1]} | {', '.join(self.misses())} |"


def study(cell: Cell, errors: Sequence[float], n_sets: int) -> list[Summary]:
    """A cell, for each size of errors."""
    parts = [batch(cell, errors, range(first, min(first + BATCH, n_sets))) for first in range(0, n_sets, BATCH)]
    found = {way: np.concatenate([part[way] for part in parts], axis=1) for way in parts[0]}
    return [Summary(cell, error, found[f"{error:g}"], found[SWEEPS]) for error in errors]


HEAD: Final = "| targets | missing | rows | sites | error | RMSE ÷ | SE/SD ÷ | coverage | of sweeps | bias of product | sets | missed |"


def cells(n: int) -> Iterator[Cell]:
    """All cells with that many rows."""
    yield from (Cell(1, 0.4, n, term=term) for term in ("complete", "gaps"))
    yield Cell(3, MANY_GAPS, n)
    yield from (Cell(T, missing, n, differ) for differ, missing, T in itertools.product((False, True), (0.4, 0.25, 0.1), (1, 3, 5)))


def main(sizes: str = "150,500,5000", errors: str = "2.5,0", n_sets: str = "1000", fewer: str = "200") -> bool:
    """Print the table. Arguments: rows and sizes of errors, lists with commas; sets of data, and those with thousands of rows.

    Returns:
        Whether a goal is missed.
    """
    is_missed = False
    print(f"{HEAD}\n{'|---' * HEAD.count(' | ')}|---|")  # noqa: T201
    for cell in itertools.chain.from_iterable(cells(int(n)) for n in sizes.split(",")):
        for summary in study(cell, [float(error) for error in errors.split(",")], int(n_sets if cell.n < 1000 else fewer)):
            is_missed = is_missed or bool(summary.misses())
            print(summary, flush=True)  # noqa: T201
    return is_missed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
