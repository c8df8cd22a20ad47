"""The pre-flight: which rows of an upload take part, what is set aside, and whether the policy lets the rest answer questions.

Everything that can be known before the first question is found here, so that a refusal in the middle of a job is a question out of
bounds and not a surprise. On central's own rows disclosure rules are notices and nothing is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policies import Policy
from policies.disclosure import Breach, check_fit, check_rows, check_set_aside, difference_limit
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.dataset import Dataset
from sandbox.gate.patterns import Mask, Patterns, find_patterns, keep_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows

ITEM_BYTES = 8


@dataclass(frozen=True, slots=True)
class Survey:
    """What the pre-flight found. `rows` is None when a finding stops the job."""

    rows: Rows | None
    findings: tuple[Finding, ...]
    n_set_aside: int
    mask: Mask
    """Whether each target is missing, for every row of the file, shape (rows, targets)."""
    n_incomplete: int
    """Rows with a missing predictor: they take no part in any fit."""


def survey(dataset: Dataset, policy: Policy, region: Region, *, is_central: bool, central_intercept: bool) -> Survey:
    """Find the rows that take part and lay them out. Raises `RegionFull`."""
    contract = dataset.contract
    mask: Mask = region.array((dataset.n_rows, len(contract.targets)), np.bool_)
    for position, index in enumerate(contract.targets):
        mask[:, position] = np.isnan(dataset.column(index))
    is_complete = np.ones(dataset.n_rows, dtype=bool)
    for index in contract.model:
        if index not in contract.targets:
            is_complete &= ~np.isnan(dataset.column(index))
    complete = np.flatnonzero(is_complete)
    patterns = find_patterns(mask[complete])
    n_coefficients = contract.n_coefficients(central_intercept)
    is_kept = np.ones(len(patterns.counts), dtype=bool)
    if not is_central:
        is_kept = keep_patterns(patterns, difference_limit(n_coefficients, policy))
    n_set_aside = int(patterns.counts[~is_kept].sum())
    kept, takes_part = _restrict(patterns, is_kept), complete[is_kept[patterns.of_row]]
    findings = _findings(kept, contract, n_coefficients, policy, n_set_aside, dataset.n_rows)
    if is_central:
        findings = tuple(Finding(found.code, "notice", found.column, found.details) for found in findings)
    if n_coefficients**2 * ITEM_BYTES > policy.max_frame_bytes:
        findings += (Finding(Code.LIMIT_FRAME, details={"limit": policy.max_frame_bytes}),)
    rows = None
    if not any(finding.severity == "stop" for finding in findings):
        intercepts = [float(is_central), 1.0] if central_intercept else [1.0]
        rows = Rows(dataset, takes_part, kept, region, np.array(intercepts))
    return Survey(rows, findings, n_set_aside, mask, dataset.n_rows - len(complete))


def _restrict(patterns: Patterns, is_kept: Mask) -> Patterns:
    numbers = np.cumsum(is_kept) - 1
    of_row = patterns.of_row[is_kept[patterns.of_row]]
    return Patterns(patterns.masks[is_kept], patterns.counts[is_kept], numbers[of_row])


def _findings(
    patterns: Patterns, contract: Contract, n_coefficients: int, policy: Policy, n_set_aside: int, n_rows: int
) -> tuple[Finding, ...]:
    n_part = int(patterns.counts.sum())
    findings = [_finding(breach, contract, 0, n_rows=n_rows) for breach in check_set_aside(n_set_aside, n_rows, policy)]
    # Predictors are observed on every row that takes part: their margins say something about that many people.
    first_predictor = next(index for index in contract.model if index not in contract.targets)
    findings += [_finding(breach, contract, first_predictor) for breach in check_rows(n_part, policy)]
    for position, index in enumerate(contract.targets):
        n_observed = n_part - int(patterns.counts[patterns.masks[:, position]].sum())
        findings += [_finding(breach, contract, index, n_coefficients) for breach in check_fit(n_observed, n_coefficients, policy)]
    return tuple(findings)


def _finding(breach: Breach, contract: Contract, index: int, n_coefficients: int = 0, n_rows: int = 0) -> Finding:
    details: dict[str, str | int | float] = {"found": breach.found, "limit": breach.limit}
    if index:
        details["column"] = contract.column(index).name
    if n_coefficients:
        details["parameters"] = n_coefficients
    if n_rows:
        details["rows"] = n_rows
    return Finding(Code(f"rule.{breach.rule}"), column=index, details=details)
