"""What a card tells of one person, against the policy's keys: `python -m tests.disclosure.frontier`, about five minutes.

Somebody is alone in a cell: of a table of yes/no columns, or of a column of a few values. The attacker knows the rules, sizes of errors
and how the other rows are distributed, and wants that person's age. Of everything on the card (the Gram of all columns with all targets,
each own fit with its diagonal, the scores at common points of the attacker's choice within the reach) the best linear decoder with exact
covariances is computed; shown is the sd of the age that is left, as a share of what it was: 1 is nothing learned, the year needs .06.

Sums over people add up over *atoms* (kinds of rows): with expected counts V the sums φ have covariance Σ V φφ', and errors are
independent with the sizes of `sandbox.gate.sticky.typical` and the floors of the card. Own fits are taken at their expectation, where β̃
tells what the score with its error tells. Versions: `same`, nobody comes or goes and all versions are averaged; `arrives`, the person
comes with 20 others in the second version, so that differences of versions are about 21 people.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import typer
from scipy import linalg
from scipy.special import expit

from policies.life_budget import FITS_AT_NO_COST
from sandbox.gate.card import ONE_PERSON
from sandbox.gate.stated_fits import SMALLEST_SCORE, SMALLEST_WEIGHT
from sandbox.gate.sticky import typical

Floats = np.ndarray
AGES: Final = np.linspace(-2.5, 2.5, 21)
SHARES: Final = np.exp(-0.5 * AGES**2) / np.exp(-0.5 * AGES**2).sum()
N_ATOMS: Final = 3000
N_OUTCOMES: Final = 40
"""Outcomes drawn for each age of the person who is alone."""
NEWCOMERS: Final = 20
N_CANDIDATES: Final = 120
"""Points tried for all targets together."""
TABLES: Final = tuple(("yes/no", m) for m in (2, 3, 4)) + tuple(("values", m) for m in (4, 6, 8))
EXACT: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """Kinds of rows: the design of own fits without targets, all outcomes, expected counts, and the age where it is the one person's."""

    cells: Floats
    """Columns of the table, 0/1 or standardised, shape (atoms, columns)."""
    age: Floats
    outcomes: Floats
    """0/1 with the rarer as 1, shape (atoms, targets)."""
    counts: Floats
    """Expected rows of each kind, of the others; 0 for the person."""
    person: Floats
    """Probability of each kind, of the person; 0 for the others."""
    which: Floats
    """The cell, a number from 0."""
    beta: Floats
    """Of each target: cells, age, intercept, shape (targets, columns + 2)."""

    @property
    def design(self) -> Floats:
        """Cells, age and all outcomes, the intercept last."""
        return np.column_stack([self.cells, self.age, self.outcomes, np.ones(len(self.age))])


def atoms(kind: str, m: int, n: int, n_targets: int, steep: bool, random: np.random.Generator) -> Atoms:
    """A file of `n` rows with one person alone in a cell."""
    if kind == "values":
        grid = ((np.arange(m) - (m - 1) / 2) / max((m - 1) / 4, 0.5))[:, None]
        share, alone = np.exp(-0.5 * grid[:, 0] ** 2), max(m // 4 - (m < 5), 0)
    else:
        grid = np.array(list(itertools.product((0.0, 1.0), repeat=m)))
        yes = np.linspace(0.5, 0.25, m)
        share, alone = np.prod(np.where(grid > 0, yes, 1 - yes), axis=1), len(grid) - 1
    share[alone] = 0.0
    share /= share.sum()
    which = np.concatenate([random.choice(len(grid), N_ATOMS, p=share), np.full(len(AGES) * N_OUTCOMES, alone)])
    age = np.concatenate([random.choice(AGES, N_ATOMS, p=SHARES), np.repeat(AGES, N_OUTCOMES)])
    spread = 1.8 if steep else 0.6
    beta = np.column_stack([random.normal(0, spread, (n_targets, grid.shape[1] + 1)), random.normal(-0.8, 0.4, n_targets)])
    if kind == "values":
        beta[:, 0] /= 1.5
    design = np.column_stack([grid[which], age, np.ones(len(age))])
    outcomes = (random.random((len(age), n_targets)) < expit(design @ beta.T)).astype(float)
    counts = np.where(np.arange(len(age)) < N_ATOMS, (n - 1) / N_ATOMS, 0.0)
    person = np.where(counts > 0, 0.0, np.concatenate([np.zeros(N_ATOMS), np.repeat(SHARES, N_OUTCOMES) / N_OUTCOMES]))
    return Atoms(grid[which], age, outcomes, counts, person, which, beta)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Some numbers of a card: what each kind of row adds, and the sizes of their errors at ν = 1."""

    phi: Floats
    """Shape (numbers, atoms)."""
    sizes: Floats

    @classmethod
    def of(cls, phi: Floats, weights: Floats, floor: float) -> Numbers:
        return cls(phi, typical(phi**2 @ weights, np.abs(phi) @ weights, floor))

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(np.vstack([self.phi, other.phi]), np.concatenate([self.sizes, other.sizes]))


def gram(file: Atoms, *, knows_cells: bool) -> Numbers:
    """The joint Gram; of an attacker who `knows_cells` also the number of people in each cell, exactly."""
    columns, two_valued = file.design.T, [*range(file.cells.shape[1])] if set(np.unique(file.cells)) == {0.0, 1.0} else []
    k = len(columns) - 1
    two_valued += [*range(file.cells.shape[1] + 1, k)]
    i, j = np.triu_indices(k + 1)
    # A column of two values with itself and with the intercept is one number.
    kept = ~((i == j) & np.isin(i, two_valued))
    numbers = Numbers.of(columns[i[kept]] * columns[j[kept]], file.counts + file.person, ONE_PERSON)
    numbers.sizes[-1] = EXACT
    if knows_cells:
        cells = (file.which[None] == np.unique(file.which)[:, None]).astype(float)
        numbers += Numbers(cells, np.full(len(cells), EXACT))
    return numbers


def score(file: Atoms, target: int, beta: Floats) -> Numbers:
    """Score and diagonal of the information of a target at a β of cells, age, the other targets and the intercept."""
    design = np.delete(file.design, file.cells.shape[1] + 1 + target, axis=1)
    p = expit(design @ beta)
    weights = file.counts + file.person
    rows = design.T * (file.outcomes[:, target] - p)
    return Numbers.of(rows, weights, SMALLEST_SCORE) + Numbers.of(design.T**2 * (p * (1 - p)), weights, SMALLEST_WEIGHT)


def own_beta(file: Atoms, target: int) -> Floats:
    """Other targets have no part in how a target came about."""
    beta, n_targets = file.beta[target], file.outcomes.shape[1]
    return np.concatenate([beta[:-1], np.zeros(n_targets - 1), beta[-1:]])


class Decoder:
    """The best linear guess of the person's age from numbers of a card."""

    def __init__(self, file: Atoms, numbers: Numbers) -> None:
        self.file, self.numbers = file, numbers
        phi = numbers.phi
        self.others = (phi * file.counts) @ phi.T
        mean = phi @ file.person
        self.person = (phi * file.person) @ phi.T - np.outer(mean, mean)
        self.age = (phi * file.person) @ file.age - mean * (file.person @ file.age)
        self.prior = file.person @ file.age**2 - (file.person @ file.age) ** 2

    def left(self, error: float, versions: int = 1, *, arrives: bool = False, knows_others: bool = False) -> float:
        """The sd of the age that is left, as a share of the prior's, at an error of ν times the multiplier."""
        R = np.diag((error * self.numbers.sizes) ** 2)
        others = np.zeros_like(self.others) if knows_others else self.others
        if not arrives:
            return self._posterior(others + self.person + R * (0.5 + 0.5 / versions), self.age)
        group = self.others * NEWCOMERS / self.file.counts.sum()
        old = others - group
        late = old + group + self.person + R * (0.5 + 0.5 / (versions - 1))
        both = np.block([[old + R, old + R / 2], [old + R / 2, late]])
        return self._posterior(both, np.concatenate([np.zeros_like(self.age), self.age]))

    def _posterior(self, covariance: Floats, cross: Floats) -> float:
        root = np.sqrt(np.diagonal(covariance))
        scaled, right = covariance / np.outer(root, root), cross / root
        scaled[np.diag_indices_from(scaled)] += 1e-10
        explained = float(right @ linalg.solve(scaled, right, assume_a="pos"))
        return float(np.sqrt(max(1.0 - explained / self.prior, 0.0)))


def with_points(file: Atoms, numbers: Numbers, reach: float, n_candidates: int, seed: int) -> Numbers:
    """The card with a common point of every target: of random ones within the reach that which tells most of the person."""
    base, random = Decoder(file, numbers), np.random.default_rng(seed)
    R = np.diag(numbers.sizes**2)
    inverse = np.linalg.inv(base.others + base.person + R + 1e-10 * np.diag(np.diagonal(base.others + R)))
    found, weights, centred = numbers, file.counts + file.person, numbers.phi * (file.counts + file.person)
    residual_age = base.age @ inverse
    for target in range(file.outcomes.shape[1]):
        start = own_beta(file, target)
        design = np.delete(file.design, file.cells.shape[1] + 1 + target, axis=1)
        p = expit(design @ start)
        w = p * (1 - p) * weights
        best = (-1.0, numbers)
        for number in range(n_candidates):
            direction = random.normal(size=len(start)) * random.choice([0.1, 1.0], len(start))
            length = (0.5, 1.0)[number % 2] * reach * np.sqrt(w.sum() / ((design @ direction) ** 2 @ w))
            more = score(file, target, start + length * direction)
            cross = centred @ more.phi.T
            own = (more.phi * weights) @ more.phi.T + np.diag(more.sizes**2) - cross.T @ inverse @ cross
            age = (more.phi * file.person) @ file.age - residual_age @ cross
            gain = float(age @ np.linalg.solve(own, age))
            best = max(best, (gain, more), key=lambda pair: pair[0])
        found += best[1]
    return found


@dataclass(frozen=True, slots=True)
class Setting:
    """A file and a set of questions."""

    kind: str
    m: int
    n: int
    n_targets: int
    steep: bool
    seed: int


def settings(n_seeds: int) -> Iterator[Setting]:
    """All of them."""
    for (kind, m), n, n_targets, steep, seed in itertools.product(TABLES, (300, 1000), (1, 5, 10), (False, True), range(n_seeds)):
        yield Setting(kind, m, n, n_targets, steep, seed)


ERRORS: Final = (0.5, 1.0, 1.41, 2.0, 2.5, 2.83, 4.0)
"""ν times the multiplier √(max_fits / 2.5), at least 1: 2.5 is `default`, 2.83 `strict`."""
REACHES: Final = (0.0, 0.5, 1.0)
Key = tuple[str, int, int, bool, float, float, str]


def measure(setting: Setting) -> Iterator[tuple[Key, float]]:
    """The sd left for each size of errors, reach (0: no points) and course of versions."""
    random = np.random.default_rng([setting.seed, setting.m, setting.n_targets])
    file = atoms(setting.kind, setting.m, setting.n, setting.n_targets, setting.steep, random)
    own = [score(file, target, own_beta(file, target)) for target in range(setting.n_targets)]
    for knows_cells in (False, True):
        card = gram(file, knows_cells=knows_cells)
        for numbers in own:
            card += numbers
        for reach in REACHES if not knows_cells else REACHES[:1]:
            asked = with_points(file, card, reach, N_CANDIDATES // setting.n_targets, setting.seed) if reach else card
            decoder = Decoder(file, asked)
            for error in ERRORS:
                key = (setting.kind, setting.m, setting.n_targets, setting.steep, error, reach)
                if knows_cells:
                    yield (*key, "knows cells"), decoder.left(error)
                    continue
                yield (*key, "1"), decoder.left(error)
                if reach in (0.0, 0.5):
                    yield (*key, "2 same"), decoder.left(error, 2)
                    yield (*key, "5 same"), decoder.left(error, 5)
                if not reach:
                    yield (*key, "2 arrives"), decoder.left(error, 2, arrives=True)
                    yield (*key, "5 arrives"), decoder.left(error, 5, arrives=True)
                    yield (*key, "knows others"), decoder.left(error, knows_others=True)


COURSES: Final = ("1", "2 same", "5 same", "2 arrives", "5 arrives", "knows cells", "knows others")


def main(n_seeds: int = 1) -> None:
    """Show the frontier."""
    start, found = time.monotonic(), {}
    for setting in settings(n_seeds):
        for key, left in measure(setting):
            found.setdefault(key, []).append(left)
    typer.echo(f"columns: errors of {ERRORS}; in each, tables of 2, 3, 4 yes/no columns, columns of 4, 6, 8 values")
    for n_targets, steep in itertools.product((1, 5, 10), (False, True)):
        multiplier = max(1.0, (n_targets / FITS_AT_NO_COST) ** 0.5)
        typer.echo(f"\nown fits {n_targets}, {'steep' if steep else 'usual'} effects (multiplier for them {multiplier:.2f})")
        for reach, course in itertools.product(REACHES, COURSES):
            if ("yes/no", 2, n_targets, steep, 1.0, reach, course) not in found:
                continue
            cells = []
            for error in ERRORS:
                values = [min(found[kind, m, n_targets, steep, error, reach, course]) for kind, m in TABLES]
                cells.append(" ".join(f"{value:.2f}".lstrip("0") for value in values))
            typer.echo(f"reach {reach:<3} {course:<12} | " + " | ".join(cells))
    typer.echo(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    typer.run(main)
