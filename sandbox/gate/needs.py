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
from sandbox.declared import Declarations
from sandbox.errors import Code
from sandbox.estimation.cholesky import FitError, factor
from sandbox.gate.dataset import Dataset
from sandbox.gate.rows import Matrix, Rows
from sandbox.gate.verification import check_message_size
from sandbox.manifest import FieldKind, Manifest

LENT_COPIES: Final = 3
"""Of the rows in the memory of a worker: the ones it is lent, and what a step makes of them (a design, the observed part of it)."""
ITEM_BYTES: Final = 8
MIN_ROWS_PER_COEFFICIENT: Final = 20
"""A logistic fit to fewer rows is biased away from 0, and an average of such fits keeps the bias."""


def need_findings(
    manifest: Manifest, dataset: Dataset, rows: Rows, policy: Policy, *, ridge: float, is_central: bool
) -> tuple[Finding, ...]:
    """Findings on rows that take part, before they are standardised.

    Kernels run on central's rows only, so that their disclosure rules are notices; a singular own fit stops the job.
    """
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
            findings.append(Finding(Code(f"rule.{breach.rule}"), "notice", column, details))
    if manifest.access == "rows":
        findings += _lending_findings(manifest, dataset.contract, rows, policy, is_central=is_central)
    return tuple(findings)


def _lending_findings(manifest: Manifest, contract: Contract, rows: Rows, policy: Policy, *, is_central: bool) -> Iterator[Finding]:
    """What is known of code that sees rows before it has seen any: the numbers of its messages, and the room it needs."""
    room = LENT_COPIES * rows.n * rows.p * ITEM_BYTES
    if room > policy.worker_data_bytes:
        yield Finding(Code.RULE_LENDING_ROOM, "stop", details={"found": room, "limit": policy.worker_data_bytes})
    declared = Declarations(manifest, contract, central_intercept=rows.p - rows.n_columns > 1)
    fewest = max((declared.fewest_numbers(step) for step in manifest.steps.values() if step.at != "central"), default=0)
    for breach in check_message_size(fewest, rows.n, policy):
        yield Finding(Code.RULE_SUM_BUDGET, "notice" if is_central else "stop", details={"found": breach.found, "limit": breach.limit})


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
        yield Finding(
            Code.FIT_SINGULAR, "stop", contract.read_from(blamed), {"column": column.name, "predictor": contract.column(blamed).name}
        )


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
