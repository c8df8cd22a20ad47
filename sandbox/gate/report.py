"""What central's gate knows of a finished run and only it can say: run.json's data, diagnostics and events, the plots, the texts.

Called when the result or a plot is asked for. Everything in it is central's own data or an aggregate that was released; it leaves with the
completed rows, to the person who owns them, and is wiped with them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sandbox.contract import Contract
from sandbox.errors import CATALOGUE, Code, describe
from sandbox.gate import loaders, paragraph, plots
from sandbox.gate.answer import Answering
from sandbox.gate.chain import Trace
from sandbox.gate.dataset import Dataset
from sandbox.gate.diagnostics import MAX_AUTOCORRELATION, MAX_RHAT, Convergence, judge
from sandbox.gate.difference import MAX_Z, mean_residual_z
from sandbox.gate.imputations import Imputations
from sandbox.gate.kernels import Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.pooled import pool_defaults
from sandbox.gate.survey import Survey
from sandbox.job import sweeps
from sandbox.manifest import Manifest
from sandbox.wire.messages import GateSetup


@dataclass(frozen=True)
class Report:
    """A finished run at central."""

    setup: GateSetup
    manifest: Manifest
    dataset: Dataset
    answering: Answering
    imputations: Imputations
    survey: Survey
    notes: tuple[str, ...]

    def as_dict(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """run.json: what the engine knows, and what the gate adds."""
        diagnostics = self._diagnostics()
        events = [*run.get("events", []), *self._events(run, diagnostics)]
        return {**run, "data": self._data(), "diagnostics": diagnostics, "events": events}

    def texts(self, run: Mapping[str, Any]) -> dict[str, str]:
        """The text files of the result, by name."""
        report = self.as_dict(run)
        pictures = {f"{name}.svg": self.plot(name) for name in plots.NAMES}
        return {
            **pictures,
            "run.json": json.dumps(report, indent=2, ensure_ascii=False) + "\n",
            "methods.txt": paragraph.methods(self.contract, self.setup.spec, self.manifest, report),
            "load.R": loaders.load_r(self.contract, self.dataset.reading),
            "load.py": loaders.load_python(self.contract, self.imputations.n_kept, self.dataset.reading),
            "load.do": loaders.load_stata(self.contract, self.dataset.reading),
            "README.txt": loaders.readme(self.dataset.reading),
        }

    def plot(self, name: str) -> str:
        """A picture as SVG. Raises :class:`KeyError` for a name that is not in `plots.NAMES`."""
        draw: dict[str, Callable[[], str]] = {"trace": self._trace, "density": self._density, "missingness": self._missingness}
        return draw[name]()

    @property
    def contract(self) -> Contract:
        """The frozen contract."""
        return self.dataset.contract

    # --- run.json

    def _data(self) -> dict[str, Any]:
        contract = self.contract
        n_missing = dict(zip(contract.targets, self.survey.mask.sum(axis=0).tolist(), strict=True))
        return {
            "job_id": self.setup.job_id,
            "seed": self.setup.spec.seed,
            "pair_digest": self.setup.pair_digest,
            "contract_digest": contract.digest,
            "rows": self.dataset.n_rows,
            "rows_with_a_missing_predictor": self.survey.n_incomplete,
            "cells_left_missing": self.imputations.n_missing_left,
            "missing_tokens": list(contract.missing),
            "file": self.dataset.reading.as_dict(contract),
            "schedule": {
                "imputations": self.setup.spec.imputations,
                "iteration_before_first_imputation": self.setup.spec.iteration_before_first_imputation,
                "iteration_between_imputations": self.setup.spec.iteration_between_imputations,
                "chains": self.setup.spec.chains,
                # Of every imputation, in order.
                "sweeps_kept": [self._kept[chain][number] for number, chain in self._origins],
                "kept_from_chain": [chain + 1 for _, chain in self._origins],
            },
            "columns": [
                {
                    "index": index,
                    "name": column.name,
                    "role": column.role,
                    "type": column.type or ("continuous" if column.role == "predictor" else None),
                    "levels": None if column.levels is None else list(column.levels),
                    "missing": n_missing.get(index, 0),
                    "why": column.why,
                }
                for index, column in enumerate(contract.columns, 1)
            ],
            "chains": {
                contract.column(index).name: {"mean": [t.means for t in traces], "variance": [t.variances for t in traces]}
                for index, traces in self._traces.items()
            },
            "notes": list(self.notes),
        }

    def _diagnostics(self) -> dict[str, Any]:
        chains = {}
        for index, traces in self._traces.items():
            means, sds = self._convergence(traces)
            chains[self.contract.column(index).name] = {"mean": means.as_dict(), "sd": sds.as_dict()}
        pooled = pool_defaults(self.answering.rows, self._units, self.imputations)
        names = {index: self.contract.column(index).name for index in self.contract.model}
        for entry in pooled:
            entry["quantity"] = "slope" if entry["predictor"] else "mean"
            entry["target"], entry["predictor"] = names[entry["target"]], names.get(entry["predictor"], "")
        n_chains = self.setup.spec.chains
        about = (
            f"{'One chain' if n_chains == 1 else f'{n_chains} chains'}, thinned, by the mean and the sd of the imputed cells at central: "
            "split-Rhat, effective size and drift are of the sweeps after burn-in; Rhat between chains needs four of them and is of all "
            "sweeps, as that of mice. Pooled estimates are of the rows at central that take part."
        )
        return {"about": about, "thinning_lag": self._lag, "burn_in": self._burn_in, "chains": chains, "pooled": pooled}

    def _events(self, run: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> list[dict[str, str]]:
        events = []
        if self.survey.n_incomplete:
            events.append(_event(Code.EVENT_ROWS_INCOMPLETE, rows=self.survey.n_incomplete, left=self.imputations.n_missing_left))
        if self.setup.spec.parameters.get("ridge"):
            events.append(_event(Code.EVENT_RIDGE, ridge=self.setup.spec.parameters["ridge"]))
        for name, numbers in diagnostics["chains"].items() if self._is_chain else ():
            for statistic in ("mean", "sd"):
                lagged = numbers[statistic]["autocorrelation_at_thinning_lag"]
                for key, measure in (("split_rhat", "split-Rhat"), ("rhat_between_chains", "Rhat between chains")):
                    rhat = numbers[statistic][key]
                    if rhat is not None and rhat > MAX_RHAT:
                        events.append(_event(Code.EVENT_NOT_MIXED, name, measure=measure, statistic=statistic, rhat=rhat))
                if lagged is not None and lagged > MAX_AUTOCORRELATION:
                    events.append(_event(Code.EVENT_AUTOCORRELATION, name, statistic=statistic, found=round(lagged, 2), lag=self._lag))
        return events + self._differences(run)

    def _differences(self, run: Mapping[str, Any]) -> list[dict[str, str]]:
        """Targets whose level at central is not that of the sites, where central has no intercept of its own and the fit is theirs too."""
        has_intercept = self.setup.spec.parameters.get("central_intercept") is True
        if has_intercept or self.manifest.capabilities.central_only or len(run.get("participants", ())) < 2:
            return []
        events = []
        for index in self.contract.targets:
            name = self.contract.column(index).name
            z = mean_residual_z(self.answering.rows, self._units, index, run["fits"][name]) if name in run.get("fits", {}) else None
            if z is not None and abs(z) > MAX_Z:
                events.append(_event(Code.EVENT_CENTRAL_DIFFERS, name, z=round(z, 1)))
        return events

    # --- plots

    def _trace(self) -> str:
        traced = []
        for index, traces in self._traces.items():
            lines = [
                plots.Line(trace.means, np.sqrt(trace.variances).tolist(), kept) for trace, kept in zip(traces, self._kept, strict=True)
            ]
            means, sds = self._convergence(traces)
            traced.append(plots.Traced(self.contract.column(index).name, lines, self._burn_in, (means.rhat, sds.rhat)))
        return plots.trace(traced)

    def _density(self) -> str:
        compared = []
        for index in self.contract.targets:
            observed, column = self.imputations.observed(index, self._units), self.contract.column(index)
            imputed = [self.imputations.imputed(index, number) for number in range(min(self.imputations.n_kept, plots.MAX_LINES + 1))]
            compared.append(plots.Compared(column.name, observed, imputed, column.levels if column.is_binary else None))
        return plots.density(compared)

    def _missingness(self) -> str:
        names = [self.contract.column(index).name for index in self.contract.targets]
        n_missing = dict(zip(names, self.survey.mask.sum(axis=0).tolist(), strict=True))
        return plots.missingness(find_patterns(self.survey.mask), names, n_missing)

    # --- schedule

    @cached_property
    def _kept(self) -> list[list[int]]:
        """The sweeps after which each chain keeps an imputation."""
        spec = self.setup.spec
        schedules = (sweeps(spec, self.manifest, chain) for chain in range(spec.chains))
        return [[sweep.index for sweep in schedule if sweep.keeps_imputation] for schedule in schedules]

    @property
    def _origins(self) -> list[tuple[int, int]]:
        """Which imputation of which chain each imputation is, both from 0."""
        return [divmod(number, self.setup.spec.chains) for number in range(self.setup.spec.imputations)]

    @property
    def _is_chain(self) -> bool:
        return self.manifest.capabilities.targets == "many"

    @property
    def _burn_in(self) -> int:
        return self._kept[0][0] if self._is_chain else 0

    @property
    def _lag(self) -> int:
        return max(self.setup.spec.iteration_between_imputations, 1) if self._is_chain else 1

    @property
    def _traces(self) -> dict[int, list[Trace]]:
        """Of every target that was drawn, the trace of each chain."""
        chains = self.answering.chains
        drawn = sorted({index for chain in chains for index in chain.traces})
        return {index: [chain.traces.get(index, Trace([], [])) for chain in chains] for index in drawn}

    def _convergence(self, traces: Sequence[Trace]) -> tuple[Convergence, Convergence]:
        """Of the mean and of the sd."""
        means, sds = [np.array(trace.means) for trace in traces], [np.sqrt(trace.variances) for trace in traces]
        return judge(means, self._lag, self._burn_in), judge(sds, self._lag, self._burn_in)

    @property
    def _units(self) -> Units:
        units = self.answering.units
        if units is None:
            raise ValueError("a report is made after the run")
        return units


def _event(code: Code, target: str = "", **details: object) -> dict[str, str]:
    details = {"column": target, **details}
    remedy = CATALOGUE[code].remedy
    return {"code": code.value, "target": target, "sentence": describe(code, details), "remedy": remedy}
