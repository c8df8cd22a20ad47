"""One cell, some repetitions: make data, run the real pair over them in memory, analyse, say how far off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.wire.messages import Ask, Finished, KeepNow, Replies
from tests.algorithms.federation import MemoryFederation, finish, make, pair
from tests.statistics.analysis import Estimate, analyse
from tests.statistics.cells import Cell
from tests.statistics.data import SHIFT, rows, world

CENTRAL, ALL = "central", "all"
MEAN, SLOPE = "mean", "slope"
COLUMNS = tuple((place, what) for place in (CENTRAL, ALL) for what in (MEAN, SLOPE))
"""What is estimated from one repetition: of which rows, and which number."""


class Everywhere(MemoryFederation):
    """Imputes at every participant with the draws that a one-target pair makes for central, and keeps all rows."""

    def ask(self, question: Ask | KeepNow) -> Replies:
        """As the pair asks, and a draw for central is done at the sites too: their analyst would do the same."""
        replies = super().ask(question)
        if isinstance(question, KeepNow):
            self.kept[-1] = np.vstack([site.completed for site in self.sites])
        elif question.mode == "central" and not self.pair.manifest.steps[question.step].reply:
            for site in self.sites[1:]:
                self._run(site, question.step, question.request)
        return replies


@dataclass(frozen=True, slots=True)
class Outcome:
    """Repetitions of one cell: for each, and for each of :data:`COLUMNS`, estimate − truth, standard error and half interval."""

    values: np.ndarray
    """Shape (repetitions that ended well, 4, 3)."""
    failures: tuple[str, ...]
    """The codes of those that did not."""


def repeat(cell: Cell, repetitions: range) -> Outcome:
    """Run repetitions of a cell; the same number makes the same data in every cell of a kind."""
    values, failures = [], []
    for repetition in repetitions:
        result = _once(cell, repetition)
        if isinstance(result, str):
            failures.append(result)
        else:
            values.append(result)
    return Outcome(np.array(values).reshape(-1, len(COLUMNS), 3), tuple(failures))


def _once(cell: Cell, repetition: int) -> list[tuple[float, float, float]] | str:
    truth = world(cell.kind)
    shift = SHIFT[cell.kind] if cell.is_shifted else 0.0
    raws = [rows(cell.kind, repetition, site, shift if site else 0.0) for site in range(cell.n_sites + 1)]
    job = cell.job
    if truth.exclusion:
        job["parameters"] = {"exclusion": truth.exclusion}
    algorithm = pair(cell.method)
    federation, start = make(algorithm, raws, truth.contract, row_seed=repetition, seed=repetition, **job)
    federation = Everywhere(algorithm, federation.sites)
    end = finish(federation, start)
    if not isinstance(end, Finished):
        return end.code.value
    n = len(raws[0])
    estimates = {CENTRAL: analyse(cell.kind, [kept[:n] for kept in federation.kept]), ALL: analyse(cell.kind, federation.kept)}
    return [_against(estimates[place][(MEAN, SLOPE).index(what)], getattr(truth, what)) for place, what in COLUMNS]


def _against(estimate: Estimate, truth: float) -> tuple[float, float, float]:
    return estimate.value - truth, estimate.error, estimate.margin
