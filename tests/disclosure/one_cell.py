"""Attacks on cards of who knows everything but one cell: the rules, every other cell of the file, and how ages are distributed.

The attacker computes what each number of the card would be without errors for every age that the person may have, and weighs ages by the
likelihood of the errors that this leaves. Errors are normal and independent, so nobody who knows the same can do better. Over versions
of a file half of an error's variance is the same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from policies import Policy
from sandbox.gate.card import error_size
from tests.disclosure.stated import File, Reader, Stated, state

Values = npt.NDArray[np.float64]
MEAN_AGE: Final = 60.0
SD_AGE: Final = 9.0
AGE: Final = "age"
YEARS: Final = np.arange(24.0, 97.0)
NODES: Final = MEAN_AGE + SD_AGE * np.array([-3.0, -1.5, 0.0, 1.5, 3.0])
"""Numbers are computed at these ages, and at others by the polynomial through them: they are smooth in one cell."""
GUESS: Final = 0.0443
"""Share of people whose age somebody gets to the year who says the mean for everybody."""
N_CANDIDATES: Final = 60
EXACT: Final = 1e-5
"""Size of an error that stands for none."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One person's file, and the cards that leave of it: `versions` of it, the person in row 0 of those that have that one."""

    versions: Sequence[File]
    fits: Sequence[str] | None = None
    """Targets with an own fit; None: all."""
    has_point: bool = False
    """Whether a common point is asked of every target, where it tells most of the person."""
    jobs: Sequence[Sequence[str]] = ((),)
    """Columns of each job, none for all of them."""
    has_person: Sequence[bool] = field(default=(True,))


Make = Callable[[np.random.Generator], Case]


def ages(random: np.random.Generator, n: int) -> Values:
    """Ages in whole years."""
    return np.round(random.normal(MEAN_AGE, SD_AGE, n))


def ward(random: np.random.Generator, n: int, cells: Values, *, labs: int = 3, targets: int = 1, spread: float = 0.6) -> File:
    """`cells` of each person (the first one alone in hers), age, labs that go with age, and binary outcomes of all of them."""
    age = ages(random, n)
    z = (age - MEAN_AGE) / SD_AGE
    lab = random.normal(size=(n, labs)) + 0.3 * z[:, None]
    X = np.column_stack([(cells - cells.mean(axis=0)) / cells.std(axis=0), z, lab / 2])
    y = (random.random((n, targets)) < expit(X @ random.normal(0, spread, (X.shape[1], targets)) - 0.8)).astype(float)
    short = np.flatnonzero(np.minimum(y.sum(axis=0), n - y.sum(axis=0)) < 10)
    y[:, short] = random.random((n, len(short))) < 0.3
    names = (
        *(f"c{i}" for i in range(cells.shape[1])),
        AGE,
        *(f"lab{i}" for i in range(labs)),
        *(f"y{i}" for i in range(targets)),
    )
    return File(np.column_stack([cells, age, lab, y]), names, binary=names[len(names) - targets :])


def table(random: np.random.Generator, n: int, m: int) -> Values:
    """A table of m yes/no columns with the first person alone in "yes" everywhere."""
    cells = (random.random((n, m)) < np.linspace(0.5, 0.25, m)).astype(float)
    alone = cells.all(axis=1)
    cells[alone, random.integers(m, size=int(alone.sum()))] = 0.0
    cells[0] = 1.0
    return cells


def levels(random: np.random.Generator, n: int, m: int) -> Values:
    """A column of m values with the first person alone at one of them."""
    share = np.exp(-0.5 * ((np.arange(m) - (m - 1) / 2) / max((m - 1) / 4, 0.5)) ** 2)
    alone = max(m // 4 - (m < 5), 0)
    share[alone] = 0.0
    column = random.choice(m, n, p=share / share.sum()).astype(float)
    column[0] = alone
    return column[:, None]


def factors(random: np.random.Generator, n: int, n_factors: int, n_levels: int = 12) -> File:
    """Predictors of so many levels: one, with the first person alone at a level; or two, with her alone in a cell of their table."""
    level = random.choice(n_levels, (n_factors, n), p=np.linspace(2.0, 1.0, n_levels) / (1.5 * n_levels))
    alone = (level == n_levels // 2).all(axis=0)
    level[0, alone] = 0
    level[:, 0] = n_levels // 2
    # The first level has no indicator.
    names = tuple(f"g{factor} = {number}" for factor in range(n_factors) for number in range(1, n_levels))
    ones = np.column_stack([level[factor] == number for factor in range(n_factors) for number in range(1, n_levels)]).astype(float)
    file = ward(random, n, level.T.astype(float) + random.normal(0, 0.1, (n, n_factors)))
    kept = [name for name in file.names if not name.startswith("c")]
    values = np.column_stack([file.only(kept).values, ones])
    return File(values, (*kept, *names), file.binary, categories=tuple(f"g{factor}" for factor in range(n_factors)))


def windows(random: np.random.Generator, n: int, n_windows: int, least: int = 12) -> File:
    """Dummies of a lab: pairs of windows that begin or end at the first person and have the same others, each of `least` people or more."""
    at, columns = n // 2, []
    for number in range(n_windows // 2):
        reach = least + 2 * (number // 2)
        low, high = (at - reach, at) if number % 2 == 0 else (at, at + reach)
        without, with_person = np.zeros(n), np.zeros(n)
        without[low + number % 2 : high + number % 2] = 1.0
        with_person[low : high + 1] = 1.0
        columns += [without, with_person]
    order = np.r_[at, np.delete(np.arange(n), at)]
    dummies = np.column_stack(columns)[order]
    names = (AGE, *(f"w{i}" for i in range(n_windows)))
    return File(np.column_stack([ages(random, n), dummies]), names, continuous=(AGE,))


def far_out(random: np.random.Generator, n: int) -> File:
    """Three labs, in one of which the first person is as far out as the rule of dominance lets anybody be."""
    file = ward(random, n, table(random, n, 2))
    values = file.values.copy()
    values[0, file.place("lab0")] = 0.6 * np.sqrt(n)
    return file.of(values)


def changed(file: File, random: np.random.Generator, n_rows: int, *, row_of_person: bool = True) -> File:
    """Another version: so many other people are exchanged for new ones, by the rows of some others with an age of their own."""
    values = file.values.copy()
    rows = random.choice(np.arange(1, len(values)), (2, n_rows), replace=False)
    values[rows[0]] = values[rows[1]]
    values[rows[0], file.place(AGE)] = ages(random, n_rows)
    return file.of(values if row_of_person else values[1:])


def left(case: Case, policy: Policy, secret: bytes) -> tuple[float, float]:
    """What the attacker makes of the cards: the error of the mean age, years, and whether the likeliest year is the right one."""
    told: dict[tuple[str, ...], list[Values]] = {}
    for file, has_person in zip(case.versions, case.has_person, strict=True):
        seen: set[tuple[str, ...]] = set()
        for columns in case.jobs:
            labels, scaled = _card(file.only(columns) if columns else file, case, policy, secret, has_person)
            for label, differences in zip(labels, scaled.T, strict=True):
                # Sums of complete columns are the same numbers in every job.
                if label not in seen:
                    told.setdefault(label, []).append(differences)
            seen |= {label for label in labels if label[0] == "gram"}
    weight = sum((_log_likelihood(np.array(each)) for each in told.values()), -0.5 * ((YEARS - MEAN_AGE) / SD_AGE) ** 2)
    weight = np.exp(weight - logsumexp(weight))
    truth = float(case.versions[-1].values[0, case.versions[-1].place(AGE)])
    return float(weight @ YEARS - truth), float(YEARS[int(weight.argmax())] == truth)


def _card(file: File, case: Case, policy: Policy, secret: bytes, has_person: bool) -> tuple[tuple[tuple[str, ...], ...], Values]:
    """The labels of a card's numbers, and for every year by how many sds of their errors they are off, shape (years, numbers)."""
    fits = tuple(name for name in (file.binary if case.fits is None else case.fits) if name in file.names)
    points = chosen_points(file, fits, policy, secret) if case.has_point and policy.points == "common" else {}
    stated = state(file, policy, secret, points=points, fits=fits)
    return decoded(stated, file, policy, fits, has_person=has_person)


def decoded(
    stated: Stated, file: File, policy: Policy, fits: Sequence[str], *, has_person: bool = True
) -> tuple[tuple[tuple[str, ...], ...], Values]:
    """The same of a card: of `file` the age of the first person is not looked at, when she is in it."""
    reader = Reader(file.having(0, AGE, MEAN_AGE) if has_person else file, fits=fits, points=tuple(stated.points))
    error = max(error_size(policy), EXACT)
    if not has_person:
        differences, sizes = reader.numbers(stated, file)
        return reader.labels, np.tile(differences / (error * sizes), (len(YEARS), 1))
    at_nodes = [reader.numbers(stated, file.having(0, AGE, float(age))) for age in NODES]
    through = np.vander((NODES - MEAN_AGE) / SD_AGE)
    coefficients = np.linalg.solve(through, np.array([differences for differences, _ in at_nodes]))
    over_years = np.vander((YEARS - MEAN_AGE) / SD_AGE, len(NODES)) @ coefficients
    return reader.labels, over_years / (error * at_nodes[len(NODES) // 2][1])


def _log_likelihood(scaled: Values) -> Values:
    """Of every year, from one number of several cards, shape (cards, years): half of the variance is common to them."""
    n_cards, mean = len(scaled), scaled.mean(axis=0)
    found: Values = -0.5 * (mean**2 / (0.5 + 0.5 / n_cards) + ((scaled - mean) ** 2).sum(axis=0) / 0.5)
    return found


def chosen_points(file: File, fits: Sequence[str], policy: Policy, secret: bytes) -> Mapping[str, Values]:
    """For every target the point, of random ones at the reach, that tells most of the person: by what two ages would make of it."""
    own = state(file, policy, secret, fits=fits)
    random, best = np.random.default_rng(len(file.values)), {}
    younger, older = (file.having(0, AGE, MEAN_AGE + sign * SD_AGE) for sign in (-1, 1))
    for name in fits:
        others = [place for place in range(len(file.names)) if file.names[place] != name]
        frame = own.frame
        X = np.column_stack([(file.values[:, others] - frame.centre[others]) / frame.scale[others], np.ones(own.n)])
        young, old = X.copy(), X.copy()
        at = others.index(file.place(AGE))
        young[0, at], old[0, at] = (
            (other.values[0, file.place(AGE)] - frame.centre[others][at]) / frame.scale[others][at] for other in (younger, older)
        )
        y, beta = file.values[:, file.place(name)], own.beta[name]
        w = expit(X @ beta) * expit(-X @ beta)
        tried = []
        for number in range(N_CANDIDATES):
            direction = random.normal(size=len(beta)) * random.choice([0.1, 1.0], len(beta))
            b = beta + (0.5, 1.0)[number % 2] * policy.reach * direction * np.sqrt(w.sum() / ((X @ direction) ** 2 @ w))
            tried.append((_told(X, young[0], old[0], y, b), number, b))
        best[name] = max(tried, key=lambda found: found[:2])[2]
    return best


def _told(X: Values, young: Values, old: Values, y: Values, beta: Values) -> float:
    """Squared change of a score and a diagonal between two ages of the first person, in typical contributions."""
    p = expit(X @ beta)
    phi, psi = np.abs(X * (y - p)[:, None]), X**2 * (p * (1 - p))[:, None]
    sizes = [np.maximum((phi**2).sum(axis=0) / phi.sum(axis=0), 0.5), np.maximum((psi**2).sum(axis=0) / psi.sum(axis=0), 0.05)]
    p_young, p_old = expit(young @ beta), expit(old @ beta)
    score = old * (y[0] - p_old) - young * (y[0] - p_young)
    weight = old**2 * p_old * (1 - p_old) - young**2 * p_young * (1 - p_young)
    return float(((score / sizes[0]) ** 2).sum() + ((weight / sizes[1]) ** 2).sum())


def _subsets(random: np.random.Generator, n: int) -> Case:
    """Ten jobs about one target, each with other predictors. Every one has an own fit; sums of complete columns are the same ones."""
    file = ward(random, n, table(random, n, 3), labs=6)
    others = [f"lab{i}" for i in range(6)]
    jobs = [tuple(name for name in file.names if name not in random.choice(others, 2, replace=False)) for _ in range(10)]
    return Case([file], jobs=jobs)


def _growing(random: np.random.Generator, n: int) -> Case:
    """Five versions, in the last four of which the person is, with twenty others exchanged each time."""
    file = ward(random, n, table(random, n, 3))
    later = [changed(file, random, 20) for _ in range(4)]
    first = changed(file, random, 20)
    return Case([first.of(np.vstack([first.values[1:2], first.values[1:]])), *later], has_person=(False, True, True, True, True))


ATTACKS: Final[Mapping[str, Make]] = {
    **{f"alone in {m} yes/no columns": lambda random, m=m: Case([ward(random, 300, table(random, 300, m))]) for m in (2, 3, 4)},
    **{f"alone at one of {m} values": lambda random, m=m: Case([ward(random, 300, levels(random, 300, m))]) for m in (4, 6, 8, 12)},
    "alone in a cell of two factors of 12 levels": lambda random: Case([factors(random, 600, 2)]),
    "five targets": lambda random: Case([ward(random, 300, table(random, 300, 3), targets=5)]),
    "ten targets": lambda random: Case([ward(random, 300, table(random, 300, 3), targets=10)]),
    "ten targets, steep": lambda random: Case([ward(random, 300, table(random, 300, 3), targets=10, spread=1.8)]),
    "chosen common point": lambda random: Case([ward(random, 300, table(random, 300, 3))], has_point=True),
    "ten jobs, other predictors": lambda random: _subsets(random, 300),
    "five versions": lambda random: (lambda file: Case([changed(file, random, 20) for _ in range(5)], has_person=(True,) * 5))(
        ward(random, 300, table(random, 300, 3))
    ),
    "comes with twenty, five versions": lambda random: _growing(random, 300),
    "far out in a lab": lambda random: Case([far_out(random, 1000)]),
    "100 windows of a lab": lambda random: Case([windows(random, 1000, 100)]),
    "40 windows of a lab": lambda random: Case([windows(random, 1000, 40)]),
    "50 labs": lambda random: Case([ward(random, 1000, table(random, 1000, 3), labs=50)]),
}
