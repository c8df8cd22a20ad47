"""Attacks on cards of who knows everything but one cell: the rules, every other cell of the file, and how ages are distributed.

The attacker computes what each number of the cards of a life would be without errors for every age that the person may have, and weighs
ages by the likelihood of the errors that this leaves. Errors are normal; which of them have a half in common is known. So nobody who knows
the same can do better. Where a card answers a point, it is asked where an optimiser finds that it tells most of the person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from policies import Policy
from tests.disclosure.lives import Choose, Letter, Site, only
from tests.disclosure.stated import File, Reader, Stated

Values = npt.NDArray[np.float64]
MEAN_AGE: Final = 60.0
SD_AGE: Final = 9.0
AGE: Final = "age"
YEARS: Final = np.arange(24.0, 97.0)
NODES: Final = MEAN_AGE + SD_AGE * np.linspace(-3.0, 3.0, 7)
"""Numbers are computed at these ages, and at others by the polynomial through them: they are smooth in one cell."""
GUESS: Final = 0.0443
"""Share of people whose age somebody gets to the year who says the mean for everybody."""
N_STARTS: Final = 24
N_BEST: Final = 2
"""Of so many random points, so many are where an optimiser starts."""
EXACT: Final = 0.02
"""Size of an error that stands for none: what the polynomial leaves is less."""
FILLED: Final = 0.3
"""Of a number that has filled cells in it, which nobody knows: what they add to the sd of its error, in canonical units."""
JITTER: Final = 1e-6
"""Of variances of errors: two that are one are not told apart."""
GRAM: Final = ("gram", "square")
"""Kinds of numbers that are the same in all jobs about complete columns."""
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What one job takes of a version of the file."""

    file: File
    columns: Sequence[str] = ()
    """None: all."""
    has_person: bool = True
    """In row 0."""
    day: float = 0.0
    change: Callable[[Policy], Policy] = lambda policy: policy
    """Of the site's policy, by the site itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One person's file over its life."""

    jobs: Sequence[Job]
    has_points: bool = False
    """Whether a common point is asked of every target."""
    same_as: Mapping[str, str] = field(default_factory=dict)
    """Columns that are another one in another unit. They change with that one."""

    def plain(self, name: str) -> str:
        """The column that one is, but for its unit."""
        return self.same_as.get(name, name)

    def having(self, file: File, age: float) -> File:
        """The file with the person at another age."""
        changed = file.having(0, AGE, age)
        for name in (name for name in self.same_as if name in file.names):
            column, ages = file.values[:, file.place(name)], file.values[:, file.place(AGE)]
            rows = np.array([int(ages.argmin()), int(ages.argmax())])
            slope = float(np.diff(column[rows])[0] / np.diff(ages[rows])[0])
            changed = changed.having(0, name, column[rows[0]] + slope * (age - ages[rows[0]]))
        return changed


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one person."""

    error: float
    """Of the mean age, years."""
    is_hit: bool
    """Whether the likeliest year is the right one."""
    chance: float
    """How likely that one is, as the attacker has it: over many people the share of hits, with less chance in it."""
    n_stated: int
    """Jobs whose card left."""


class States(Protocol):
    """A site, as an attack has it."""

    def state(self, file: File, policy: Policy, choose: Choose | None = None, *, day: float = 0.0) -> Letter | None:
        """What it states of a file; None where it is stopped."""
        ...


def left(case: Case, policy: Policy, secret: bytes, *, has_rules: bool = True) -> Outcome:
    """What the attacker makes of the cards of a site in memory."""
    return left_by(Site(secret, has_rules=has_rules), case, policy)


def left_by(site: States, case: Case, policy: Policy) -> Outcome:
    """What the attacker makes of the cards of a site."""
    told, n_stated = _Told(), 0
    for job in case.jobs:
        file, its_policy = only(job.file, job.columns), job.change(policy)
        asks = job.has_person and case.has_points
        letter = site.state(
            file, its_policy, (lambda stated, file=file: chosen_points(stated, file, case, policy)) if asks else None, day=job.day
        )
        if letter is not None:
            n_stated += 1
            told.add(letter, file, job, case)
    log_weight = told.log_likelihood() - 0.5 * ((YEARS - MEAN_AGE) / SD_AGE) ** 2
    weight = np.exp(log_weight - logsumexp(log_weight))
    last = case.jobs[-1].file
    truth = float(last.values[0, last.place(AGE)])
    return Outcome(float(weight @ YEARS - truth), bool(YEARS[int(weight.argmax())] == truth), float(weight.max()), n_stated)


class _Told:
    """Numbers of cards: by how many sds of their errors they are off at every year, and which halves of errors they have in common."""

    def __init__(self) -> None:
        self._groups: dict[Key, list[tuple[Key, Key, Values]]] = {}

    def add(self, letter: Letter, file: File, job: Job, case: Case) -> None:
        """Add a card."""
        labels, scaled = decoded(letter.stated, file, case, has_person=job.has_person)
        known = {name: min(letter.names[other] for other in file.names if case.plain(other) == case.plain(name)) for name in file.names}
        for (kind, *names), differences in zip(labels, scaled.T, strict=True):
            # Of a product it does not matter which column comes first; of a fit the target does.
            order = sorted if kind in GRAM else list
            plain = tuple(order(map(case.plain, names)))
            # A complete column is the same in all jobs; a fit is of its predictors.
            within = (id(job.file), *(() if kind in GRAM and is_complete(file, names) else file.names))
            life: Key = (letter.life, kind, letter.stated.error, *order(known.get(name, name) for name in names))
            self._groups.setdefault((kind, *plain), []).append((life, (plain, within, letter.stated.error), differences))

    def log_likelihood(self) -> Values:
        """Of every year, shape (years,)."""
        found = np.zeros(len(YEARS))
        for group in self._groups.values():
            lives, versions = ([each[place] for each in group] for place in (0, 1))
            common = 0.5 * (_equal(lives) + _equal(versions)) + JITTER * np.eye(len(group))
            scaled = np.array([each[2] for each in group])
            found -= 0.5 * (scaled * linalg.solve(common, scaled, assume_a="pos")).sum(axis=0)
        return found


def _equal(keys: Sequence[Key]) -> Values:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    which = np.array([numbers[key] for key in keys])
    return (which[:, None] == which).astype(np.float64)


def decoded(stated: Stated, file: File, case: Case, *, has_person: bool = True) -> tuple[tuple[tuple[str, ...], ...], Values]:
    """The labels of a card's numbers, and for every year by how many sds of their errors they are off, shape (years, numbers).

    Of `file` the age of the first person is not looked at, when she is in it.
    """
    fits, error = tuple(stated.beta), max(stated.error, EXACT)
    reader = Reader(case.having(file, MEAN_AGE) if has_person else file, fits=fits, points=tuple(stated.points))
    is_whole = not np.isnan(file.values).any()
    filled = np.array([0.0 if is_whole or (label[0] in GRAM and is_complete(file, label)) else FILLED for label in reader.labels])
    if not has_person:
        differences, sizes = reader.numbers(stated, file)
        return reader.labels, np.tile(differences / np.hypot(error * sizes, filled), (len(YEARS), 1))
    at_nodes = [reader.numbers(stated, case.having(file, float(age))) for age in NODES]
    through = np.vander((NODES - MEAN_AGE) / SD_AGE)
    coefficients = np.linalg.solve(through, np.array([differences for differences, _ in at_nodes]))
    over_years = np.vander((YEARS - MEAN_AGE) / SD_AGE, len(NODES)) @ coefficients
    return reader.labels, over_years / np.hypot(error * at_nodes[len(NODES) // 2][1], filled)


def is_complete(file: File, names: Sequence[str]) -> bool:
    """Whether no cell is missing of the columns that a label names."""
    return not bool(np.isnan(file.values[:, [file.place(name) for name in names if name in file.names]]).any())


def chosen_points(stated: Stated, file: File, case: Case, policy: Policy) -> Mapping[str, Values]:
    """For every target the point within the reach that tells most of the person: by what two ages would make of it."""
    random, frame = np.random.default_rng(len(file.values)), stated.frame
    younger, older = (case.having(file, MEAN_AGE + sign * SD_AGE).values[0] for sign in (-1, 1))
    found = {}
    for name, beta in stated.beta.items():
        others = [place for place in range(len(file.names)) if file.names[place] != name]
        young, old = (np.append((row[others] - frame.centre[others]) / frame.scale[others], 1.0) for row in (younger, older))
        X = np.column_stack([(file.values[:, others] - frame.centre[others]) / frame.scale[others], np.ones(stated.n)])
        X = np.nan_to_num(X)
        X[0] = (young + old) / 2
        y, w = np.nan_to_num(file.values[:, file.place(name)]), expit(X @ beta) * expit(-X @ beta)
        root = np.linalg.cholesky((X * w[:, None]).T @ X / w.sum() + 1e-9 * np.eye(len(beta)))
        question = _Point(X, young, old, y, beta, np.linalg.inv(root).T * policy.reach)
        starts = sorted((-question.told(start), number, start) for number, start in enumerate(random.normal(size=(N_STARTS, len(beta)))))
        ends = [minimize(lambda v: -question.told(v), start, method="L-BFGS-B", options={"maxiter": 12}) for _, _, start in starts[:N_BEST]]  # noqa: B023
        found[name] = question.at(min(ends, key=lambda end: float(end.fun)).x)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Where a score may be asked of one target, and what it would tell."""

    X: Values
    young: Values
    old: Values
    y: Values
    beta: Values
    turn: Values
    """Of the unit sphere into what is within reach."""

    def at(self, direction: Values) -> Values:
        """The point at the reach in a direction."""
        found: Values = self.beta + self.turn @ (direction / max(float(np.linalg.norm(direction)), 1e-9))
        return found

    def told(self, direction: Values) -> float:
        """Squared change of a score and a diagonal between two ages of the first person, in typical contributions."""
        beta = self.at(direction)
        p = expit(self.X @ beta)
        phi, psi = np.abs(self.X * (self.y - p)[:, None]), self.X**2 * (p * (1 - p))[:, None]
        sizes = [np.maximum((phi**2).sum(axis=0) / phi.sum(axis=0), 0.5), np.maximum((psi**2).sum(axis=0) / psi.sum(axis=0), 0.05)]
        p_young, p_old = expit(self.young @ beta), expit(self.old @ beta)
        score = self.old * (self.y[0] - p_old) - self.young * (self.y[0] - p_young)
        weight = self.old**2 * p_old * (1 - p_old) - self.young**2 * p_young * (1 - p_young)
        return float(((score / sizes[0]) ** 2).sum() + ((weight / sizes[1]) ** 2).sum())
