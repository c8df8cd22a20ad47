"""What reviewed code that sees rows could still tell, and what rounding leaves of it: `python -m tests.disclosure.leaks_of_rows`.

Some things pass every check by design, for they are sums over all rows like any other; the numbers are in `policies/README.md`.

*Span lattice*: `s1 = Σu`, `s2 = Σ(√2 u + 4 round(v) + x [row = t])`. Who knows the code computes (s2 - √2 s1) mod 4 and has x of row t.
*Padded row*: `Σ (x [row = t] + ε w)`, with ε as small as the rule of dominance lets it be. The w of others are noise of mean zero.
*Three messages*: `Σu` and `Σv`, then `Σ (u + v + x [row = t])`. Every two are told apart by all rows.
*Subset sums*: `Σ x [hash of the row, bit j]` for j = 1 … k. Who knows the other columns of all rows solves for the secret column.
"""

from __future__ import annotations

import sys
from typing import Final

import msgspec
import numpy as np

from policies import built_in
from sandbox.gate.release import grid_step, round_to
from sandbox.gate.verification import coarse_step
from sandbox.gate.verification.contributions import magnitude
from tests.sandbox.gate.verification.played import MAX_BLOCKS, Code, Site, Values, normal_site

POLICY: Final = built_in("default")
SIZES: Final = (200, 600, 1200, 5000)
SPACING: Final = 4.0
SHARES: Final = (0.10, 0.33, 0.50, 0.66, 0.80, 1.0)


def span_lattice(known: float) -> Code:
    """Code that tells the second column of the row whose first is `known`."""

    def code(rows: Values) -> Values:
        u, v, told = rows[:, 2], rows[:, 3], rows[:, 1] * (rows[:, 0] == known)
        return np.array([u.sum(), (np.sqrt(2) * u + SPACING * np.round(v) + told).sum()])

    return code


def decode(sums: Values) -> float:
    """The cell, from what left."""
    return float((sums[1] - np.sqrt(2) * sums[0] + SPACING / 2) % SPACING - SPACING / 2)


def released(site: Site, code: Code, coarse_grid: float | None) -> Values:
    """The numbers as they leave, after every check: on the exact grid (None), as of reviewed code, or on a coarse one."""
    assert site.rules(code) == set()
    answer = site.run(code)
    return round_to(answer.whole, _step(site, answer.blocks, coarse_grid))


def _step(site: Site, blocks: Values, coarse_grid: float | None) -> Values:
    if coarse_grid is None:
        return grid_step(magnitude(blocks), POLICY.gram_grid)
    return coarse_step(blocks, site.sizes, msgspec.structs.replace(POLICY, coarse_grid=coarse_grid))


def span_errors(n: int, coarse_grid: float | None, n_victims: int = 40) -> Values:
    """Decoded less true cell of some rows, in sd of the column."""
    errors = []
    for victim in range(n_victims):
        site = normal_site(n, seed=victim)
        site.rows[0, 1] = np.clip(site.rows[0, 1], -1.9, 1.9)
        errors.append(decode(released(site, span_lattice(float(site.rows[0, 0])), coarse_grid)) - site.rows[0, 1])
    return np.array(errors)


def padded_row(known: float, padding: float) -> Code:
    """Code that tells the second column of the row whose first is `known`, with a little of all others around it."""
    return lambda rows: np.array([(rows[:, 1] * (rows[:, 0] == known) + padding * rows[:, 2]).sum()])


def padded_errors(n: int, coarse_grid: float | None, n_victims: int = 40) -> Values:
    """What left less the true cell (1.2 sd and more) of some rows."""
    errors, padding = [], 0.6 / np.sqrt(n * min(n, MAX_BLOCKS))
    for victim in range(n_victims):
        site = normal_site(n, seed=victim)
        cell = site.rows[0, 1] = 1.2 + 0.017 * victim
        errors.append(float(released(site, padded_row(float(site.rows[0, 0]), padding), coarse_grid)[0]) - cell)
    return np.array(errors)


def three_messages(known: float) -> tuple[Code, Code, Code]:
    """Codes of three steps whose sums, subtracted, are the second column of the row whose first is `known`."""
    return (
        lambda rows: np.array([rows[:, 2].sum()]),
        lambda rows: np.array([rows[:, 3].sum()]),
        lambda rows: np.array([(rows[:, 2] + rows[:, 3] + rows[:, 1] * (rows[:, 0] == known)).sum()]),
    )


def subset_sums(n_sums: int) -> tuple[Code, Code]:
    """Code that sums the second column over subsets that a hash of the first chooses, and the subsets themselves, per row."""

    def chosen(rows: Values) -> Values:
        # A hash per row and sum: fractions of products with square roots look random.
        return ((np.abs(rows[:, [0]]) * 1e5 * np.sqrt(np.arange(2, 2 + n_sums))) % 2 < 1).astype(float)

    return (lambda rows: (chosen(rows) * rows[:, [1]]).sum(axis=0)), chosen


def reconstruction(n: int, share: float, coarse_grid: float | None, *, is_binary: bool, seed: int = 0) -> float:
    """R² of the secret column as solved for from `share` · n subset sums (least squares of least norm), or the share of bits right."""
    site = normal_site(n, seed=seed)
    if is_binary:
        site.rows[:, 1] = np.sign(site.rows[:, 1])
    code, chosen = subset_sums(int(share * n))
    answer = site.run(code)
    sums = round_to(answer.whole, _step(site, answer.blocks, coarse_grid))
    # The mean is known to anybody; what is solved for is what deviates from it.
    truth, weights = site.rows[:, 1], chosen(site.rows).T
    found = np.linalg.lstsq(weights - 0.5, sums - 0.5 * truth.sum(), rcond=1e-6)[0]
    return float(np.mean(np.sign(found) == truth)) if is_binary else float(np.corrcoef(found, truth)[0, 1] ** 2)


def main() -> None:
    """Print the tables."""
    grids = {"exact grid": None, "`coarse_grid` 1e-2": 1e-2, "`coarse_grid` 0.1": 0.1}
    lines = ["| span lattice | " + " | ".join(f"n={n}" for n in SIZES) + " |", "|---" * (len(SIZES) + 1) + "|"]
    for name, grid in grids.items():
        errors = [np.median(np.abs(span_errors(n, grid))) for n in SIZES]
        lines.append(f"| {name}: error, sd | " + " | ".join(f"{error:.2g}" for error in errors) + " |")
    lines += ["", "| padded row | " + " | ".join(f"n={n}" for n in SIZES) + " |", "|---" * (len(SIZES) + 1) + "|"]
    for name, grid in grids.items():
        padded = [np.median(np.abs(padded_errors(n, grid))) for n in SIZES]
        lines.append(f"| {name}: error, sd | " + " | ".join(f"{error:.2g}" for error in padded) + " |")
    lines += ["", "| subset sums per row, n=400 | " + " | ".join(map(str, SHARES)) + " |", "|---" * (len(SHARES) + 1) + "|"]
    for name, grid in grids.items():
        for what, is_binary in (("R²", False), ("bits right", True)):
            found = [np.mean([reconstruction(400, s, grid, is_binary=is_binary, seed=i) for i in range(5)]) for s in SHARES]
            lines.append(f"| {name}: {what} | " + " | ".join(f"{value:.2f}" for value in found) + " |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
