"""`job`, the first argument of `impute(job, sites)`: what the job asks for, its schedule and its random numbers.

A job of several chains runs `impute` once for each, in workers of their own; a pair is written for one chain and never sees the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from sandbox.contract import ColumnType, Contract, Role
from sandbox.errors import Code, Refused
from sandbox.job import Sweep, resolve_columns, sweeps
from sandbox.manifest import Manifest
from sandbox.wire.messages import Impute, KeepNow, LogEvent, Progress
from sandbox.worker.channel import Line
from sandbox.worker.estimation import LinearFit, LogisticFit, SelectionFit
from sandbox.worker.randomness import Randomness
from sandbox.worker.raw_units import Fit, fit_record


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the data set; `index` is 1-based."""

    index: int
    name: str
    role: Role | None


@dataclass(frozen=True, slots=True)
class Target:
    """A column to impute; `column` is its 1-based index, what steps are asked with."""

    column: int
    name: str
    type: ColumnType
    family: Literal["gaussian", "binomial"]


class Job:
    """A running job, as a pair's central module sees it."""

    __slots__ = ("_fits", "_line", "_start", "_sweeps", "columns", "n_coefficients", "parameters", "rng", "targets")

    targets: tuple[Target, ...]
    """In file order."""
    columns: tuple[Column, ...]
    """All columns in file order, then the indicators, which stand for the predictors of several levels and are columns like any other."""
    parameters: Mapping[str, Any]
    """The pair's parameters, complete and checked, columns as 1-based indices; read-only."""
    n_coefficients: int
    """q of every target's design, intercepts included."""
    rng: Randomness
    """Random numbers from the job's seed."""

    def __init__(self, start: Impute, manifest: Manifest, line: Line) -> None:
        contract, spec = start.contract, start.spec
        self._line = line
        self._start = start
        self._sweeps = tuple(sweeps(spec, manifest, start.chain))
        self._fits: dict[int, tuple[Fit, int]] = {}
        alone = (index for index, column in enumerate(contract.columns, 1) if not column.is_block)
        named = ((index, contract.column(index)) for index in (*alone, *contract.indicators))
        self.columns = tuple(Column(index, column.name, column.role) for index, column in named)
        self.targets = tuple(_target(index, contract) for index in contract.targets)
        self.parameters = MappingProxyType(resolve_columns(spec.parameters, manifest, contract))
        self.n_coefficients = contract.n_coefficients(start.spec.has_central_intercept)
        self.rng = Randomness(spec.seed or 0, start.pair_digest, start.contract_digest, start.chain)

    def sweeps(self) -> Iterator[Sweep]:
        """The schedule: items with `index` (from 0) and `keeps_imputation`. Reports progress by itself."""
        for sweep in self._sweeps:
            self.progress(sweep.index, len(self._sweeps))
            yield sweep
        self.progress(len(self._sweeps), len(self._sweeps))

    def keep_imputation(self) -> None:
        """Keep central's completed rows as the next imputation, after all that was told before. Raises :class:`Refused`."""
        answer = self._line.ask(KeepNow())
        if answer.refused is not None:
            raise Refused(answer.refused_by, answer.refused)

    def progress(self, done: int, total: int) -> None:
        """Show how far the job is; `sweeps` does this by itself."""
        self._line.note(Progress(int(done), int(total)))

    def log_event(self, code: str, target: int) -> None:
        """Put a code of the closed list (`sandbox.errors`) into the job's log. Raises :class:`ValueError` for any other text."""
        self._line.note(LogEvent(Code(code), int(target)))

    def record_fit(self, target: int, fit: Fit, exclusion: int = 0) -> None:
        """Keep the fit of a target for the report; the last one counts and is given in raw units.

        `target` and, for a selection model, `exclusion` are 1-based indices.
        """
        if not isinstance(fit, LinearFit | LogisticFit | SelectionFit):
            raise TypeError("a fit of tidegate.estimation is needed")
        if target not in self._start.contract.targets:
            raise ValueError("not a target of the job")
        if isinstance(fit, SelectionFit) is not (exclusion in self._start.contract.design(target)):
            raise ValueError("a selection model has an exclusion column, other fits have none")
        self._fits[target] = (fit, exclusion)

    def report_fits(self) -> None:
        """Send the last fit of each target. For the runner, at the end; pairs are not offered it."""
        for target, (fit, exclusion) in self._fits.items():
            self._line.note(fit_record(target, fit, self._start.contract, self._start.constants, exclusion))


def _target(index: int, contract: Contract) -> Target:
    column = contract.column(index)
    return Target(index, column.name, column.type or "continuous", "binomial" if column.is_binary else "gaussian")
