"""`python -m tests.statistics.growth`: by how much the errors of cards make standard errors grow, three binary targets; in memory.

Central and two sites of n rows: targets of a given prevalence, each on the others and three predictors (two numeric, one yes/no), a quarter
of each target missing at random. Sites complete their files and state cards by the real code, once with errors and once without; central
knows its own rows. Mean over coefficients and sets of data of the pooled fit's standard errors with errors ÷ without: of what the own fits
combine to, of the same with the score at the common point, and of a job, which takes the point where it is due.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from scipy.special import expit

from policies import built_in
from policies.life_budget import error_size
from sandbox.gate.card import Wants, make_card
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn, is_point_due, settle
from sandbox.gate.sticky import Errors
from tests.disclosure.stated import File

SITES: Final = 2
MISSING: Final = 0.25
NAMES: Final = ("a", "b", "c", "x1", "x2", "u")
TARGETS: Final = (1, 2, 3)
GOAL: Final = 1.05


@dataclass(frozen=True, slots=True)
class Growth:
    """Standard errors with errors ÷ without; means."""

    own_fits: float
    point: float
    job: float
    events: float
    """Per coefficient, as the sites state them."""


def draw(n: int, prevalence: float, rng: np.random.Generator) -> np.ndarray:
    """Complete rows in the order of the names."""
    x = rng.normal(size=(n, 2)) @ np.array([[1.0, 0.4], [0.0, 0.9]])
    u = (rng.random(n) < 0.4) * 1.0
    columns: list[np.ndarray] = []
    for slopes in ((0.5, -0.3, 0.4), (0.3, 0.5, 0.0), (-0.3, 0.4, 0.5)):
        eta = np.column_stack([x, u]) @ slopes + 0.5 * sum(columns, np.zeros(n))
        level = np.quantile(-eta + rng.logistic(size=n), prevalence)
        columns.append((rng.random(n) < expit(eta + level)) * 1.0)
    return np.column_stack([*columns, x, u])


def with_gaps(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A quarter of each target missing, more often where the first predictor is large."""
    found = rows.copy()
    for target in range(3):
        lean = rows[:, 3] + rng.logistic(size=len(rows))
        found[lean > np.quantile(lean, 1.0 - MISSING), target] = np.nan
    return found


def one(n: int, prevalence: float, size: float, seed: int) -> Iterator[Growth]:
    """Of each target in one set of data."""
    rng = np.random.default_rng([seed, n])
    central, *sites = [draw(n, prevalence, rng) for _ in range(SITES + 1)]
    files = [File(with_gaps(rows, rng), NAMES, NAMES[:3]) for rows in sites]
    secrets = [seed.to_bytes(16, "big") + bytes([number] * 16) for number in range(SITES)]
    owns = [file.own_rows(secret) for file, secret in zip(files, secrets, strict=True)]
    units = Units(np.zeros(6), np.ones(6), np.full(6, 0.5), np.arange(6) < 3)
    policies = [msgspec.structs.replace(built_in("default"), error=error, max_fits=1) for error in (0.0, size)]
    cards = [
        [
            make_card(own, file.contract, Errors(secret, b"life", policy.error), policy, Wants(TARGETS))
            for own, file, secret in zip(owns, files, secrets, strict=True)
        ]
        for policy in policies
    ]
    readers = [
        [StandIn(files[0].contract, units, card.stated(units.centre, units.scale), has_central_intercept=False) for card in mine]
        for mine in cards
    ]
    shown = ~np.isnan(with_gaps(central, rng))
    for target in TARGETS:
        place = target - 1
        X = np.column_stack([np.delete(central, place, axis=1), np.ones(n)])[shown[:, place]]
        plain, own, is_due = _errors(readers[0], target, X), _errors(readers[1], target, X), is_point_due(readers[1], target)
        common = settle(readers[1], target)
        assert common is not None
        for card, reader in zip(cards[1], readers[1], strict=True):
            reader.take_point(target, card.score(target, reader.in_units_of_fit(target, common)))
        own_fits, point = float(np.mean(own / plain)), float(np.mean(_errors(readers[1], target, X) / plain))
        events = float(np.median([reader.events_per_coefficient(target) for reader in readers[1]]))
        yield Growth(own_fits, point, point if is_due else own_fits, events)


def _errors(readers: Sequence[StandIn], target: int, X: np.ndarray) -> np.ndarray:
    """Standard errors of the pooled fit at the common β, shape (6,)."""
    common = settle(readers, target)
    assert common is not None
    p = expit(X @ common)
    H = (X * (p * (1 - p))[:, None]).T @ X + sum(reader.at(target, common).H for reader in readers)
    found: np.ndarray = np.sqrt(np.diagonal(np.linalg.inv(H)))
    return found


def mean(n: int, prevalence: float, size: float, n_sets: int) -> Growth:
    """Over targets and sets of data."""
    found = [growth for seed in range(n_sets) for growth in one(n, prevalence, size, seed)]
    names = ("own_fits", "point", "job", "events")
    return Growth(*(float(np.mean([getattr(growth, name) for growth in found])) for name in names))


def main(sizes: str = "150,500,2000", n_sets: str = "30") -> None:
    """Print the table. Arguments: rows, a list with commas; sets of data."""
    print("| rows | prevalence | error | EPV | own fits | point | job |\n|---|---|---|---|---|---|---|")  # noqa: T201
    for n, prevalence, name in itertools.product(map(int, sizes.split(",")), (0.1, 0.2, 0.3, 0.5), ("default", "strict")):
        size = error_size(built_in(name), n)
        found = mean(n, prevalence, size, int(n_sets))
        shown = " | ".join(f"{value:.3f}" for value in (found.own_fits, found.point, found.job))
        print(f"| {n} | {prevalence} | {size:.2f} | {found.events:.1f} | {shown} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
