"""How often an honest file is stopped before Start: `python -m tests.disclosure.false_alarms` prints the tables of `policies/README.md`.

The pre-flight of code that sees rows: a file has ten columns of one kind, the last one a target with a tenth of its cells missing. One stop
of any rule about people (cells, dominance, groups set aside) is an alarm. The admission of a file that states a card: the files of
`honest_files`, beside what the pre-flight says of them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy, built_in
from policies.disclosure import check_set_aside, difference_limit
from sandbox.contract import Column, Contract, Finding
from sandbox.gate.admission import admit
from sandbox.gate.participation import keep_rows
from sandbox.gate.patterns import find_patterns
from sandbox.gate.survey import people_findings, survey
from sandbox.gate.tables import Tables
from tests.disclosure import honest_files
from tests.disclosure.honest_files import MISSING, HonestFile, honest_file

Values = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Values]
SIZES: Final = (200, 1000, 5000)
POLICIES: Final = ("default", "strict")
N_COLUMNS: Final = 10


def _with_outlier(size: float) -> Draw:
    def draw(random: np.random.Generator, n: int) -> Values:
        values = random.normal(size=n)
        values[random.integers(n)] = size
        return values

    return draw


KINDS: Final[dict[str, Draw]] = {
    "normal": lambda random, n: random.normal(size=n),
    "normal, 1e-6": lambda random, n: 1e-6 * random.normal(size=n),
    "normal, offset 1e6": lambda random, n: 1e6 + random.normal(size=n),
    "count (Poisson 2)": lambda random, n: random.poisson(2.0, n).astype(float),
    "one decimal": lambda random, n: np.round(random.normal(50, 10, n), 1),
    "lognormal 1": lambda random, n: random.lognormal(0, 1, n),
    "lognormal 2": lambda random, n: random.lognormal(0, 2, n),
    "t, 2 df": lambda random, n: random.standard_t(2, n),
    "Cauchy": lambda random, n: random.standard_cauchy(n),
    "binary, half": lambda random, n: (random.random(n) < 0.5).astype(float),
    "binary, a tenth": lambda random, n: (random.random(n) < 0.1).astype(float),
    "three values": lambda random, n: random.choice(3, n, p=[0.6, 0.3, 0.1]).astype(float),
    "outlier 1e3": _with_outlier(1e3),
    "outlier 1e6": _with_outlier(1e6),
}


def alarm_rate(draw: Draw, n: int, policy: Policy, repetitions: int) -> float:
    """Share of honest files that are stopped."""
    names = [Column(f"x{number}", "predictor") for number in range(1, N_COLUMNS)]
    contract = Contract((*names, Column("y", "target", "continuous")))
    n_stopped = 0
    for seed in range(repetitions):
        random = np.random.default_rng([seed, n])
        columns = {index: draw(random, n) for index in contract.model}
        columns[N_COLUMNS][random.random(n) < 0.1] = np.nan
        patterns = find_patterns(np.isnan(columns[N_COLUMNS])[:, None])
        is_kept = keep_rows(patterns, Tables(columns), difference_limit(contract.n_coefficients(False), policy), policy)
        n_set_aside = int(patterns.counts[~is_kept].sum())
        found = people_findings(patterns, columns, contract, policy)
        n_stopped += bool(found or check_set_aside(n_set_aside, n, policy))
    return n_stopped / repetitions


HONEST_SIZES: Final = {"default": (150, 500, 5000), "strict": (500, 5000)}
"""Below 200 rows `strict` stops everything by `min_rows`."""


def admitted(file: HonestFile, policy: Policy) -> list[Finding]:
    """What stops a file that states a card."""
    return _stops(admit(file.dataset()[0], policy, fits=file.fits))


def surveyed(file: HonestFile, policy: Policy) -> list[Finding]:
    """What stops the same file before code that sees rows."""
    dataset, region = file.dataset()
    return _stops(survey(dataset, policy, region, is_central=False, central_intercept=False).findings)


def _stops(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "stop"]


def count_stopped(kind: honest_files.Kind, n: int, policy: Policy, repetitions: int) -> tuple[int, int, Counter[str]]:
    """Files that are not admitted, files that the pre-flight stops, and the rules that the first break."""
    n_refused, n_stopped, rules = 0, 0, Counter[str]()
    for seed in range(repetitions):
        for number, (share, mechanism) in enumerate(MISSING):
            file = honest_file(kind, n, share, mechanism, np.random.default_rng([seed, n, number]))
            found = admitted(file, policy)
            n_refused, n_stopped = n_refused + bool(found), n_stopped + bool(surveyed(file, policy))
            rules.update({finding.code.value.removeprefix("rule.") for finding in found})
    return n_refused, n_stopped, rules


def main(repetitions: int) -> None:
    """Print the tables."""
    sys.stdout.write("\n".join([*_preflight(repetitions), "", *_admission(repetitions)]) + "\n")


def _admission(repetitions: int) -> list[str]:
    cases = [(n, name) for name, sizes in HONEST_SIZES.items() for n in sizes]
    head = "".join(f" {name}, n={n} |" for n, name in cases)
    lines, totals = [f"| kind |{head} rules |", "|---" * (len(cases) + 2) + "|"], dict.fromkeys(cases, (0, 0))
    n_files, rules = repetitions * len(MISSING), Counter[str]()
    for kind in honest_files.KINDS:
        cells = []
        for n, name in cases:
            refused, stopped, broken = count_stopped(kind, n, built_in(name), repetitions)
            cells.append(f" {refused} · {stopped} |")
            totals[n, name], rules = (totals[n, name][0] + refused, totals[n, name][1] + stopped), rules + broken
        lines.append(f"| {kind} |{''.join(cells)} {', '.join(rules)} |")
        rules.clear()
    n_all = n_files * len(honest_files.KINDS)
    sums = "".join(f" {refused} · {stopped} of {n_all} |" for refused, stopped in totals.values())
    per_72 = "".join(f" {72 * refused / n_all:.1f} · {72 * stopped / n_all:.1f} |" for refused, stopped in totals.values())
    return [*lines, f"| all |{sums} |", f"| of 72 |{per_72} |"]


def _preflight(repetitions: int) -> list[str]:
    cases = [(n, name) for name in POLICIES for n in SIZES]
    lines = ["| kind | " + " | ".join(f"{name}, n={n}" for n, name in cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for kind, draw in KINDS.items():
        rates = (alarm_rate(draw, n, built_in(name), repetitions) for n, name in cases)
        lines.append(f"| {kind} | " + " | ".join(f"{rate:.2f}".lstrip("0") if rate else "0" for rate in rates) + " |")
    return lines


if __name__ == "__main__":
    main(50)
