"""`python -m tests.statistics.linear`: least squares from cards against those of all rows in one place, in memory.

Central and sites of n complete rows; sites state cards by the real code with errors of a given size, central's gate reads them. RMSE of
the coefficients to the truth ÷ that of all rows, coverage of 95 % intervals of both, standard errors ÷ those of all rows, and σ² ÷ the
true one.
*Mild tails* are lognormal columns with an sd of the log of .4, *lognormal* ones have .8: errors of these are larger than a reader can know.
"""

from __future__ import annotations

import itertools
import sys
from typing import Final, Literal

import msgspec
import numpy as np

from policies import built_in
from sandbox.gate.card import Wants, make_card
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn, settle_all
from sandbox.gate.sticky import Errors
from tests.disclosure.stated import File
from tests.statistics.cards import Kind, predictors

Columns = Literal[Kind, "mild tails"]
KINDS: Final[tuple[Columns, ...]] = ("normal", "half yes/no", "one-hot", "rare", "mild tails", "lognormal")
TARGET: Final = 1
SIZE_OF_SLOPES: Final = 0.3


def columns(kind: Columns, n: int, rng: np.random.Generator) -> np.ndarray:
    """Raw predictors, shape (n, k)."""
    return np.sqrt(predictors("lognormal", n, rng)) if kind == "mild tails" else predictors(kind, n, rng)


def told(sites: list[np.ndarray], error: float, seed: int) -> tuple[np.ndarray, float]:
    """What the cards of sites say together: Σ zz' of target, predictors and intercept, and of how many rows."""
    k = sites[0].shape[1] - 1
    units, policy = Units(np.zeros(k), np.ones(k), np.zeros(k), np.zeros(k, bool)), built_in("default")
    policy = msgspec.structs.replace(policy, error=error, max_fits=1)
    readers = {}
    for number, z in enumerate(sites):
        file, secret = (
            File(z[:, :-1], tuple(f"c{place}" for place in range(k)), (), ("c0",)),
            bytes([number]) * 16 + seed.to_bytes(16, "big"),
        )
        card = make_card(file.own_rows(secret), file.contract, Errors(secret, b"life", error), policy, Wants())
        fields = card.stated(units.centre, units.scale)
        readers[str(number)] = StandIn(file.contract, units, fields, has_central_intercept=False)
    settle_all(readers, file.contract)
    parts = [reader.gram(TARGET).parts for reader in readers.values()]
    grams = [np.block([[part["yy"], part["Xy"][None]], [part["Xy"][:, None], part["XX"]]]) for part in parts]
    return np.sum(grams, axis=0), float(sum(part["n"] for part in parts))


def fit(gram: np.ndarray, n: float) -> tuple[np.ndarray, np.ndarray, float]:
    """β, standard errors and σ²."""
    inverse = np.linalg.inv(gram[1:, 1:])
    beta = inverse @ gram[1:, 0]
    variance = float(gram[0, 0] - beta @ gram[1:, 0]) / (n - len(beta))
    return beta, np.sqrt(variance * np.diagonal(inverse)), variance


def one(kind: Columns, n: int, n_sites: int, error: float, seed: int) -> np.ndarray:
    """Of cards, then of all rows: errors of coefficients, standard errors, and σ² throughout; shape (2, 3, q)."""
    rng = np.random.default_rng([seed, n])
    files = []
    for _ in range(n_sites + 1):
        x = columns(kind, n, rng)
        slopes = SIZE_OF_SLOPES * np.random.default_rng(5).normal(size=x.shape[1])
        files.append(np.column_stack([x @ slopes + rng.normal(size=n), x, np.ones(n)]))
    gram, n_told = told(files[1:], error, seed)
    whole = np.vstack(files)
    fits = fit(files[0].T @ files[0] + gram, n + n_told), fit(whole.T @ whole, len(whole))
    truth = np.append(slopes, 0.0)
    return np.array([[beta - truth, errors, np.full(len(beta), variance)] for beta, errors, variance in fits])


def summary(kind: Columns, n: int, n_sites: int, error: float, n_sets: int) -> dict[str, float]:
    """The figures of a cell."""
    found = np.array([one(kind, n, n_sites, error, seed) for seed in range(n_sets)])
    (off, errors, variance), (off_all, errors_all, _) = found[:, 0].swapaxes(0, 1), found[:, 1].swapaxes(0, 1)
    size = errors_all.mean(axis=0)
    squares, squares_all = ((values / size) ** 2 for values in (off, off_all))
    held, held_all = (np.abs(off) < 1.96 * errors).mean(axis=1), (np.abs(off_all) < 1.96 * errors_all).mean(axis=1)
    return {
        "RMSE": float(np.sqrt(squares.mean() / squares_all.mean())),
        "coverage": float(held.mean()),
        "±": float(held.std() / np.sqrt(n_sets)),
        "of all rows": float(held_all.mean()),
        "SE": float((errors.mean(axis=0) / size).mean()),
        "σ²": float(variance.mean()),
    }


def main(sizes: str = "50,150,500", sites: str = "1,3", errors: str = "2.5", n_sets: str = "300") -> None:
    """Print the table. Arguments: rows, sites and errors, lists with commas; sets of data."""
    head = ("RMSE", "coverage", "±", "of all rows", "SE", "σ²")
    print(f"| predictors | rows | sites | error | {' | '.join(head)} |\n{'|---' * (4 + len(head))}|")  # noqa: T201
    for n, n_sites, error, kind in itertools.product(sizes.split(","), sites.split(","), errors.split(","), KINDS):
        found = summary(kind, int(n), int(n_sites), float(error), int(n_sets))
        print(f"| {kind} | {n} | {n_sites} | {error} | {' | '.join(f'{found[name]:.3f}' for name in head)} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
