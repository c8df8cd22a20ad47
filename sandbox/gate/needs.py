"""What the kernels of a pair need of the rows beyond what every pair does: the part of the pre-flight that depends on the manifest.

A fit that is made here alone (`glm_fit`) must be possible here; a selection model has twice the coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from policies import Policy
from policies.disclosure import check_fit
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.estimation.cholesky import FitError, factor
from sandbox.gate.dataset import Dataset
from sandbox.gate.rows import Matrix, Rows
from sandbox.manifest import FieldKind, Manifest

MIN_ROWS_PER_COEFFICIENT: Final = 20
"""A logistic fit to fewer rows is biased away from 0, and an average of such fits keeps the bias."""


def need_findings(
    manifest: Manifest, dataset: Dataset, rows: Rows, policy: Policy, *, ridge: float, is_central: bool
) -> tuple[Finding, ...]:
    """Findings on rows that take part, before they are standardised. Singular own fits stop the job at central too."""
    kinds: set[FieldKind] = {field.kind for step in manifest.steps.values() for field in step.reply.values()}
    q = rows.p - 1
    findings: list[Finding] = []
    if "glm_fit" in kinds:
        for target in rows.targets:
            findings += _own_fit_findings(dataset.contract, rows, target, q, ridge)
    if "selection_score" in kinds:
        for breach in check_fit(rows.n, 2 * q + 1, policy):
            details: dict[str, str | int | float] = {"found": breach.found, "limit": breach.limit, "parameters": 2 * q + 1}
            column = rows.targets[0]
            details["column"] = dataset.contract.column(column).name
            findings.append(Finding(Code(f"rule.{breach.rule}"), "notice" if is_central else "stop", column, details))
    return tuple(findings)


def _own_fit_findings(contract: Contract, rows: Rows, target: int, q: int, ridge: float) -> Iterator[Finding]:
    column, n_observed = contract.column(target), rows.n_observed(target)
    if not n_observed:
        return
    if n_observed <= q:
        yield Finding(Code.FIT_TOO_FEW_ROWS, "stop", target, {"column": column.name})
        return
    if column.is_binary and n_observed < MIN_ROWS_PER_COEFFICIENT * q:
        details: dict[str, str | int | float] = {
            "column": column.name,
            "found": n_observed,
            "limit": MIN_ROWS_PER_COEFFICIENT * q,
        }
        yield Finding(Code.FIT_SMALL_SITE, "notice", target, details)
    if ridge > 0:
        return
    # Other targets change while the job runs; what is known now is whether the predictors carry a fit.
    predictors = [index for index in contract.design(target) if index not in contract.targets]
    try:
        factor(_correlations(rows, target, [rows.position(index) for index in predictors]))
    except FitError as error:
        blamed = predictors[error.coefficient or 0]
        yield Finding(Code.FIT_SINGULAR, "stop", blamed, {"column": column.name, "predictor": contract.column(blamed).name})


def _correlations(rows: Rows, target: int, positions: list[int]) -> Matrix:
    """Of some raw columns on the rows with the target observed; 0 for one that is constant."""
    # Over the rows in their tiles, twice: a copy of them would double what the site needs.
    # From the first row on: of a column that is constant nothing is left, to the last bit.
    origin = next(iter(rows.parts(target, is_missing=False))).design[0, positions]
    total = np.zeros(len(positions))
    for part in rows.parts(target, is_missing=False):
        total += (part.design[:, positions] - origin).sum(axis=0)
    mean, gram = total / rows.n_observed(target), np.zeros((len(positions), len(positions)))
    for part in rows.parts(target, is_missing=False):
        centred = part.design[:, positions] - origin - mean
        gram += centred.T @ centred
    spread = np.sqrt(np.diagonal(gram))
    spread[spread == 0] = 1.0
    correlations: Matrix = gram / np.outer(spread, spread)
    return correlations
