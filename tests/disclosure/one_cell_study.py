"""`make study`: what attacks on cards find of one cell, many people and secrets, and what cards tell of a column.

`python -m tests.disclosure.one_cell_study`, about ten minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import typer

from policies import Policy, built_in
from policies.wide_open import wide_open
from tests.disclosure.cell_attacks import ATTACKS, table, ward
from tests.disclosure.one_cell import GUESS, SD_AGE, left
from tests.disclosure.reviewers_study import limits
from tests.disclosure.secret_columns import told
from tests.disclosure.stated import File, state

OF_SECRETS: Final = ((300, 1, 0.6), (300, 5, 0.6), (300, 5, 1.8), (300, 10, 0.6), (300, 10, 1.8), (1000, 10, 0.6), (1000, 10, 1.8))
"""Rows, own fits and steepness of files with a secret column."""


@dataclass(frozen=True, slots=True)
class Result:
    """Of an attack under one policy."""

    psd: float
    """Sd of what the attacker's mean is off, as a share of the sd of ages."""
    recovered: int
    people: int
    """Who were tried: those of whose files a card left."""
    chance: float
    """Mean of how likely the attacker has the year that it names: what `recovered` is a share of, with less chance in it."""
    cards: float
    """That left of a file, on average; the jobs that asked for more of them were stopped."""
    jobs: int


def people(name: str, policy: Policy, n_people: int, seed: int = 7) -> Result:
    """Play one attack on so many people, each in a file of their own at a site with a secret of its own."""
    cases = [ATTACKS[name](np.random.default_rng([seed, number])) for number in range(n_people)]
    found = [left(case, policy, b"secret %d" % number) for number, case in enumerate(cases)]
    tried = [one for one in found if one.n_stated]
    cards, n_jobs = float(np.mean([one.n_stated for one in found])), len(cases[0].jobs)
    if not tried:
        return Result(float("nan"), 0, 0, float("nan"), cards, n_jobs)
    psd = float(np.sqrt(np.mean([one.error**2 for one in tried])) / SD_AGE)
    chance = float(np.mean([one.chance for one in tried]))
    return Result(psd, sum(one.is_hit for one in tried), len(tried), chance, cards, n_jobs)


def few_shown(n: int, n_shown: int, policy: Policy, n_versions: int, n_secrets: int) -> float:
    """The sd, as a share of what it was, of a cell of a column that few rows show, for who knows all else; rows that miss it change.

    What a site fills is not known to anybody: so mean and covariance of the Gram's row are found by so many secrets for two values.
    """
    random = np.random.default_rng(0)
    X = random.normal(size=(n, 9))
    lab = X.sum(axis=1) * 0.2 + 0.8 * random.normal(size=n)
    lab[n_shown:] = np.nan
    file, apart = File(np.column_stack([X, lab]), (*(f"x{i}" for i in range(9)), "lab"), continuous=("lab",)), 8.0
    sums = []
    for sign in (-0.5, 0.5):
        versions = [file.having(0, "lab", lab[0] + sign * apart)]
        for number in range(1, n_versions):
            changed, other = versions[0].values.copy(), np.random.default_rng(number)
            rows = other.choice(np.arange(n_shown, n), 20, replace=False)
            changed[rows, :9] = other.normal(size=(20, 9))
            versions.append(file.of(changed))
        secrets = [b"%f %d" % (sign, secret) for secret in range(n_secrets)]
        sums.append(np.array([np.mean([state(one, policy, secret).gram[9] for one in versions], axis=0) for secret in secrets]))
    difference, df = sums[1].mean(axis=0) - sums[0].mean(axis=0), 2 * n_secrets - 2
    covariance = (np.cov(sums[0].T) + np.cov(sums[1].T)) / 2
    q = len(difference)
    # Without the bias that an inverse of an estimated covariance has (Anderson 2003, section 7.7).
    square = (df - q - 1) / df * float(difference @ np.linalg.solve(covariance, difference)) - 2 * q / n_secrets
    return float(1 / np.sqrt(1 + max(square, 0.0) / apart**2))


def line(name: str, policy: Policy, result: Result) -> str:
    """In words."""
    if not result.people:
        return f"{name}, {policy.name}: every card is stopped"
    low, high = limits(result.recovered, result.people)
    share = result.recovered / result.people
    return (
        f"{name}, {policy.name}: to the year {share:.3f} ({low:.3f} to {high:.3f}; guess {GUESS:.3f}) of {result.people}, expected "
        f"{result.chance:.3f}; sd left {result.psd:.2f}; {result.cards:.1f} cards of {result.jobs} jobs"
    )


def main(
    n_people: Annotated[int, typer.Option(help="People for each attack, each with a secret of their own site.")] = 200,
    name: Annotated[str, typer.Option(help="Only this attack.")] = "",
) -> None:
    """Play the attacks."""
    for attack in (name,) if name else ATTACKS:
        for policy in (wide_open(), built_in("default"), built_in("strict")):
            typer.echo(line(attack, policy, people(attack, policy, n_people if policy.name != "open" else max(n_people // 10, 10))))
    for n_shown, n_versions in ((50, 1), (50, 5), (100, 5), (300, 5)):
        psd = few_shown(1000, n_shown, built_in("default"), n_versions, 120)
        typer.echo(f"{n_shown} of 1000 show it, {n_versions} versions: sd left {psd:.2f}")
    for n, n_fits, spread in OF_SECRETS:
        random = np.random.default_rng(1)
        file = ward(random, n, table(random, n, 3), targets=n_fits, spread=spread)
        found = told(file, "age", built_in("default"), b"a secret")
        what = f"secret predictor, {n} rows, {n_fits} fits, slopes {spread}"
        typer.echo(f"{what}: R² {found.share:.3f}, {found.numbers} numbers, goal {found.bound:.3f}")


if __name__ == "__main__":
    typer.run(main)
