"""Outcomes to the figures of the table, and which of them miss what is demanded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.statistics.cells import Cell
from tests.statistics.repetitions import ALL, CENTRAL, COLUMNS, MEAN, SLOPE, Outcome

CENTRAL_COVERAGE: Final = 0.94
ALL_COVERAGE: Final = (0.93, 0.97)
APPROXIMATE_COVERAGE: Final = 0.93
"""For AVGM and CSL, whose pooled fit is an approximation, and for shifted sites with `central_intercept`."""
MAX_BIAS: Final = 0.1
"""In empirical standard errors."""
ERROR_RATIO: Final = (0.95, 1.45)
POOLED: Final = ("SIMI", "SIMICE", "IMI", "IMICE")


@dataclass(frozen=True, slots=True)
class Figure:
    """One estimate of one cell, over its repetitions."""

    coverage: float
    """Share of 95 % intervals that hold the truth."""
    bias: float
    """In empirical standard errors."""
    empirical: float
    """Standard deviation of the estimates."""
    ratio: float
    """Mean standard error over the empirical one."""


def figures(outcome: Outcome) -> dict[tuple[str, str], Figure]:
    """The figures of a cell by (rows, estimate)."""
    found = {}
    for position, key in enumerate(COLUMNS):
        off, error, margin = outcome.values[:, position].T
        empirical = float(off.std(ddof=1))
        coverage = float((np.abs(off) <= margin).mean())
        found[key] = Figure(coverage, float(off.mean()) / empirical, empirical, float(error.mean()) / empirical)
    return found


def misses(outcomes: Mapping[Cell, Outcome]) -> Iterator[str]:
    """What is demanded and not met, as sentences."""
    found = {cell: figures(outcome) for cell, outcome in outcomes.items()}
    for cell, figure in found.items():
        for what in (MEAN, SLOPE):
            label = f"{cell.method}, {cell.kind}, {cell.n_sites} sites, {what}"
            central, everywhere = figure[CENTRAL, what], figure[ALL, what]
            if cell.is_shifted:
                if cell.central_intercept and central.coverage < APPROXIMATE_COVERAGE:
                    yield f"{label}, shifted with central_intercept: coverage {central.coverage:.3f} at central"
                continue
            baseline = found.get(cell.baseline) if cell.baseline else None
            yield from (f"{label}: {problem}" for problem in _central_problems(cell, central, baseline and baseline[CENTRAL, what]))
            if cell.method.startswith(("AVGM", "CSL")) and everywhere.coverage < APPROXIMATE_COVERAGE:
                yield f"{label}: coverage {everywhere.coverage:.3f} on all rows"
            if cell.method in POOLED and not ALL_COVERAGE[0] <= everywhere.coverage <= ALL_COVERAGE[1]:
                yield f"{label}: coverage {everywhere.coverage:.3f} on all rows"


def _central_problems(cell: Cell, figure: Figure, baseline: Figure | None) -> Iterable[str]:
    limit = CENTRAL_COVERAGE if cell.method in POOLED else APPROXIMATE_COVERAGE
    if figure.coverage < limit:
        yield f"coverage {figure.coverage:.3f} at central"
    if abs(figure.bias) >= MAX_BIAS:
        yield f"bias {figure.bias:.2f} empirical standard errors at central"
    if not ERROR_RATIO[0] <= figure.ratio <= ERROR_RATIO[1]:
        yield f"model over empirical standard error {figure.ratio:.2f} at central"
    if baseline is not None and figure.empirical > baseline.empirical:
        yield f"empirical standard error {figure.empirical / baseline.empirical:.3f} of that without sites"
