"""Polite logistic questions about the levels of a few columns: every combination of levels, a cell, gets one weight per question.

The information of a question is Σ w z z′, so its last row holds, for every column, the weighted sum over the rows. With as many
questions as cells the sum of each cell can be solved for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from decoders import Values, logistic_weight
from played_site import coefficients, design

CAP: Final = 9.9
"""The largest |Xβ| of a question: the rules on steep questions have nothing to say."""
STEP: Final = 1e-6
"""How exact an answer is taken to be, as a share of itself."""

PATIENCE: Final = 8
"""Refusals after which nothing more is asked: a site has a budget of them."""


@dataclass(frozen=True)
class Cells:
    """Combinations of levels: for every column its coded level in each cell, shape (cells,), and how many people are expected in each."""

    coded: Mapping[str, Values]
    expected: Values

    @property
    def design(self) -> Values:
        """One row per cell: the columns in order, then 1."""
        return np.column_stack([*self.coded.values(), np.ones(len(self.expected))])


@dataclass(frozen=True)
class Sums:
    """Answers: weights of the cells, shape (answers, cells), and for `1` and every wanted column the weighted sums, shape (answers,)."""

    weights: Values
    sums: Mapping[str, Values]

    def error(self, name: str) -> Values:
        """The size of the error of each sum."""
        return STEP * np.maximum(np.abs(self.sums[name]), self.sums["1"]) + 1e-12


def ask_about_cells(
    site: Any,
    target: str,
    cells: Cells,
    wanted: Sequence[str],
    n_questions: int,
    random: np.random.Generator,
    *,
    least: float = 25.0,
    steepest: float = CAP,
    renew: Callable[[], None] | None = None,
    per_fit: int = 25,
) -> Sums:
    """Ask until there are enough answers, or the site has refused a few times.

    Args:
        least: expected Σ w below which a question is not asked.
        steepest: largest distance of a cell from where a question is steepest.
        renew: what lets a fit begin anew, called before every `per_fit`-th question.
    """
    names = design(site, target)
    rows = [names.index(name) for name in ("1", *wanted)]
    weights: list[Values] = []
    answers: list[Values] = []
    n_asked = n_refused = 0
    while len(weights) < n_questions and n_refused < PATIENCE:
        beta = _next_beta(cells, random, steepest)
        weight = logistic_weight(cells.design @ beta)
        if weight @ cells.expected < least:
            continue
        try:
            if renew is not None and n_asked % per_fit == per_fit - 1:
                renew()
            n_asked += 1
            reply = site.ask("score", target=target, beta=coefficients(names, dict(zip((*cells.coded, "1"), beta, strict=True))))
        except site.Refused:
            n_refused += 1
            continue
        weights.append(weight)
        answers.append(reply["score"]["H"][rows, -1])
    found = np.array(answers).reshape(len(answers), len(rows))
    return Sums(np.array(weights).reshape(len(weights), len(cells.expected)), dict(zip(("1", *wanted), found.T, strict=True)))


def _next_beta(cells: Cells, random: np.random.Generator, steepest: float) -> Values:
    """A random direction, as steep as it pleases, around a random cell, and moved so that no cell is beyond the cap."""
    X = cells.design
    while True:
        beta = random.normal(size=X.shape[1])
        beta[-1] = 0.0
        eta = X @ beta
        reach = np.abs(eta - eta[random.integers(len(eta))]).max()
        beta *= random.uniform(1.0, steepest) / max(reach, 1e-9)
        eta = X @ beta
        low, high = -CAP - eta.min(), CAP - eta.max()
        if low <= high:
            beta[-1] = random.uniform(low, high)
            return beta
