"""How often honest code that sees rows is refused: `python -m tests.disclosure.false_alarms_of_rows`, for `policies/README.md`.

A site has ten standardised columns of one kind, the last one a target with a tenth of its cells missing, and answers three honest jobs: the
cross-products of a linear fit, four steps of a logistic fit (score and information), four gradients of a surrogate likelihood. One refusal
in a job is an alarm. Budgets are left out: they know no kinds of data.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

import msgspec
import numpy as np

from policies import built_in
from tests.disclosure.false_alarms import KINDS, N_COLUMNS, SIZES, Draw
from tests.sandbox.gate.verification.played import Code, Site, Values, moments

POLICY: Final = msgspec.structs.replace(built_in("default"), max_sums_per_row=1e3, max_job_sums_per_row=1e3)
N_STEPS: Final = 4


def honest_site(draw: Draw, n: int, seed: int) -> Site:
    """Standardised rows, the target missing at random."""
    random = np.random.default_rng([seed, n])
    rows = np.column_stack([draw(random, n) for _ in range(N_COLUMNS)])
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    rows[random.random(n) < 0.1, -1] = np.nan
    return Site(rows, seed)


def logistic(beta: Values) -> Code:
    """Score and information of a logistic fit of the target's sign."""

    def code(rows: Values) -> Values:
        X, y = _observed(rows)
        p = 1 / (1 + np.exp(-X @ beta))
        return np.concatenate([X.T @ ((y > 0) - p), ((X * (p * (1 - p))[:, None]).T @ X).ravel()])

    return code


def gradient(beta: Values) -> Code:
    """What a surrogate likelihood asks a site for."""

    def code(rows: Values) -> Values:
        X, y = _observed(rows)
        return X.T @ (y - X @ beta)

    return code


def honest_jobs(seed: int) -> dict[str, list[Code]]:
    """The codes of each job, in the order in which they are asked."""
    betas = 0.3 * np.random.default_rng(seed).normal(size=(N_STEPS, N_COLUMNS))
    return {"moments": [moments] * 2, "logistic": [logistic(beta) for beta in betas], "gradient": [gradient(beta) for beta in betas]}


def _observed(rows: Values) -> tuple[Values, Values]:
    observed = rows[~np.isnan(rows[:, -1])]
    return np.column_stack([np.ones(len(observed)), observed[:, :-1]]), observed[:, -1]


def alarms(draw: Draw, n: int, repetitions: int) -> Counter[str]:
    """Number of alarms of each job, and of each rule."""
    found: Counter[str] = Counter()
    for seed in range(repetitions):
        site = honest_site(draw, n, seed)
        for job, codes in honest_jobs(seed).items():
            rules = site.rules(*codes, policy=POLICY)
            found.update([job] * bool(rules - {"lattice"}) + sorted(rules))
    return found


def main(repetitions: int) -> None:
    """Print the table: share of jobs refused as moments / logistic / gradient."""
    jobs = list(honest_jobs(0))
    lines = ["| kind | " + " | ".join(f"n={n}" for n in SIZES) + " | rules |", "|---" * (len(SIZES) + 2) + "|"]
    for kind, draw in KINDS.items():
        found = [alarms(draw, n, repetitions) for n in SIZES]
        shares = [" · ".join(f"{one[job] / repetitions:.2f}".lstrip("0") if one[job] else "0" for job in jobs) for one in found]
        rules = sorted({rule for one in found for rule in one} - set(jobs))
        lines.append(f"| {kind} | " + " | ".join(shares) + f" | {', '.join(rules)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(50)
