"""Files with a person in them whose age is to be found, and the lives that attacks let them live: what `one_cell` decodes.

Every attacker knows the rules, the own fit, the margins and all other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from policies import Policy
from tests.disclosure.one_cell import AGE, MEAN_AGE, SD_AGE, Case, Job
from tests.disclosure.stated import File

Values = npt.NDArray[np.float64]
Make = Callable[[np.random.Generator], Case]
EXCHANGED: Final = 30
"""Rows between two versions: more than must differ, as a sketch of the file counts them."""


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


def _ward(m: int = 3, n: int = 1000, **more: float) -> Make:
    """One card of a table of yes/no columns."""
    return lambda random: Case([Job(ward(random, n, table(random, n, m), **more))])  # type: ignore[arg-type]


def _points(**more: float) -> Make:
    """The same, with a point of every target."""
    return lambda random: Case(_ward(**more)(random).jobs, has_points=True)


def _predictors(random: np.random.Generator) -> Case:
    """Six jobs about one target, each with other predictors and a point of its own. Sums of complete columns are the same ones."""
    file = ward(random, 1500, table(random, 1500, 3), labs=6)
    labs = [f"lab{i}" for i in range(6)]
    left_out = [random.choice(labs, 2, replace=False) for _ in range(6)]
    return Case([Job(file, [name for name in file.names if name not in some]) for some in left_out], has_points=True)


def _filled(random: np.random.Generator) -> Case:
    """Six jobs about one target. A cell of it is missing, and one of a table's column: their sums are other numbers in every model."""
    file = ward(random, 1500, table(random, 1500, 3), labs=6)
    values = file.values.copy()
    values[[1, 2], [file.place("c0"), file.place("y0")]] = np.nan
    file, labs = file.of(values), [f"lab{i}" for i in range(6)]
    left_out = [[lab] for lab in labs]
    return Case([Job(file, [name for name in file.names if name not in some]) for some in left_out], has_points=True)


def _versions(random: np.random.Generator, targets: int = 3) -> Case:
    """Five versions, with a point of every target in each."""
    file = ward(random, 1500, table(random, 1500, 3), targets=targets)
    return Case([Job(changed(file, random, EXCHANGED)) for _ in range(5)], has_points=True)


def _growing(random: np.random.Generator) -> Case:
    """Five versions, in the last four of which the person is, with others exchanged each time."""
    file = ward(random, 1000, table(random, 1000, 3))
    first = changed(file, random, EXCHANGED)
    first = first.of(np.vstack([first.values[1:2], first.values[1:]]))
    return Case([Job(first, has_person=False), *(Job(changed(file, random, EXCHANGED)) for _ in range(4))])


def _policies(random: np.random.Generator) -> Case:
    """The same file under one policy and, when its life has ended, with larger errors: they must not be the same ones, only larger."""
    file = ward(random, 1000, table(random, 1000, 3))
    return Case([Job(file), Job(file, change=_with_larger_errors), Job(file, day=4000.0, change=_with_larger_errors)])


def _with_larger_errors(policy: Policy) -> Policy:
    return msgspec.structs.replace(policy, error=1.2 * policy.error)


def _codings(random: np.random.Generator) -> Case:
    """Age five times: as it is, as year of birth, in months, reversed and shifted; in three versions of the file."""
    file = ward(random, 1500, table(random, 1500, 3))
    age = file.values[:, [file.place(AGE)]]
    units = {"born": 2020.0 - age, "months": 12.0 * age, "to_go": 120.0 - age, "decades": age / 10.0}
    names = (*units, *file.names)
    told = File(np.column_stack([*units.values(), file.values]), names, binary=file.binary)
    jobs = [Job(changed_in_units(told, random, units)) for _ in range(3)]
    return Case([*jobs, *(Job(job.file, file.names) for job in jobs)], has_points=True, same_as=dict.fromkeys(units, AGE))


def changed_in_units(file: File, random: np.random.Generator, units: Mapping[str, Values]) -> File:
    """Another version: rows are exchanged as wholes."""
    values = file.values.copy()
    rows = random.choice(np.arange(1, len(values)), (2, EXCHANGED), replace=False)
    values[rows[0]] = values[rows[1]]
    return file.of(values)


def _windows(random: np.random.Generator, n_windows: int) -> Case:
    return Case([Job(windows(random, 1000, n_windows))])


ATTACKS: Final[Mapping[str, Make]] = {
    **{f"alone in {m} yes/no columns": _ward(m, 300) for m in (2, 3, 4)},
    **{f"alone at one of {m} values": lambda random, m=m: Case([Job(ward(random, 300, levels(random, 300, m)))]) for m in (4, 6, 8, 12)},
    "alone in a cell of two factors of 12 levels": lambda random: Case([Job(factors(random, 1500, 2))]),
    "five targets": _ward(targets=5),
    "five targets, steep": _ward(targets=5, spread=1.8),
    "ten targets": _ward(2, targets=10, labs=0),
    "ten targets, steep": _ward(2, targets=10, labs=0, spread=1.8),
    "chosen points of five targets": _points(targets=5),
    "chosen points of five targets, steep": _points(targets=5, spread=1.8),
    "jobs with other predictors": _predictors,
    "jobs that fill a cell otherwise": _filled,
    "five versions": _versions,
    "comes with others, five versions": _growing,
    "two policies": _policies,
    "five codings of age": _codings,
    "100 windows of a lab": lambda random: _windows(random, 100),
    "far out in a lab": lambda random: Case([Job(far_out(random, 1000))]),
    "30 labs": _ward(labs=30),
    "100 labs": _ward(labs=100),
}
