"""The pre-flight: which rows of an upload take part, what is set aside, and whether the policy lets the rest answer questions.

Everything that can be known before the first question is found here, so that a refusal in the middle of a job is a question out of
bounds and not a surprise. On central's own rows disclosure rules are notices and nothing is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import (
    STANDING_RULES,
    Breach,
    check_fit,
    check_rows,
    check_set_aside,
    difference_limit,
)
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.dataset import Columns, Dataset
from sandbox.gate.participation import everybody, participation
from sandbox.gate.patterns import Mask, Patterns, find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.spread import Sums, dominance
from sandbox.gate.tables import Tables, Values

ITEM_BYTES: Final = 8
MAX_FINDINGS: Final = 100
"""A report of more small cells than this is not read to its end."""


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
    judges_pairs: bool = True
    """Whether tables of two columns were judged."""

    @property
    def standing(self) -> dict[str, Literal["pass", "notice"]]:
        """The verdicts of the rules that only the rows decide. A site with a breach has no rows to ask."""
        found = {finding.code for finding in self.findings}
        rules = (rule for rule in STANDING_RULES if rule != "cell_cross" or self.judges_pairs)
        return {rule: "notice" if Code(f"rule.{rule}") in found else "pass" for rule in rules}


def survey(
    dataset: Dataset,
    policy: Policy,
    region: Region,
    *,
    is_central: bool,
    central_intercept: bool,
    n_chains: int = 1,
    judges_pairs: bool = True,
) -> Survey:
    """Find the rows that take part and lay them out. Raises `RegionFull`.

    Chains tell the same about the same groups of rows as sweeps do: only the size of a reply grows with `n_chains`. Tables of two columns
    are of concern (`judges_pairs`) where code sees rows: no site of a blind pair is judged by them, so they are no warning at central.
    """
    contract = dataset.contract
    mask: Mask = region.array((dataset.n_rows, len(contract.targets)), np.bool_)
    complete = _mark_missing(dataset, mask)
    patterns = find_patterns(mask if len(complete) == len(mask) else mask[complete])
    n_incomplete = dataset.n_rows - len(complete)
    n_coefficients = contract.n_coefficients(central_intercept)
    part = everybody(patterns)
    if not is_central:
        part = participation(
            contract, patterns, Columns(dataset, complete, with_references=True), difference_limit(n_coefficients, policy), policy
        )
    is_kept, n_set_aside = part.is_kept, int(patterns.counts[~part.is_kept].sum())
    kept, rows_kept = patterns, complete
    if n_set_aside:
        kept, rows_kept = _restrict(patterns, is_kept), complete[is_kept[patterns.of_row]]
    del patterns, complete
    breaches = check_set_aside(part.n_set_aside, dataset.n_rows, policy)
    findings = [_finding(breach, contract, rows=dataset.n_rows) for breach in breaches]
    findings += _size_findings(kept, contract, n_coefficients, policy)
    people = people_findings(kept, Columns(dataset, rows_kept, with_references=True), contract, policy)
    findings += [finding for finding in people if judges_pairs or finding.code is not Code.RULE_CELL_CROSS][:MAX_FINDINGS]
    findings += part.notices
    if is_central:
        findings = [Finding(found.code, "notice", found.column, found.details) for found in findings]
    if n_chains * n_coefficients**2 * ITEM_BYTES > policy.max_frame_bytes:
        findings.append(Finding(Code.LIMIT_FRAME, details={"limit": policy.max_frame_bytes}))
    rows = None
    if not any(finding.severity == "stop" for finding in findings):
        intercepts = [float(is_central), 1.0] if central_intercept else [1.0]
        rows = Rows(dataset, rows_kept, kept, region, np.array(intercepts))
    return Survey(rows, tuple(findings), n_set_aside, mask, n_incomplete, judges_pairs)


def _mark_missing(dataset: Dataset, mask: Mask) -> npt.NDArray[np.intp]:
    """Fill `mask` with whether each target is missing; the rows with every predictor."""
    contract = dataset.contract
    for position, index in enumerate(contract.targets):
        mask[:, position] = np.isnan(dataset.column(index))
    is_complete = np.ones(dataset.n_rows, dtype=bool)
    for index in contract.model:
        if index not in contract.targets:
            is_complete &= ~np.isnan(dataset.column(index))
    return np.flatnonzero(is_complete)


def _restrict(patterns: Patterns, is_kept: Mask) -> Patterns:
    numbers = np.cumsum(is_kept) - 1
    of_row = patterns.of_row[is_kept[patterns.of_row]]
    return Patterns(patterns.masks[is_kept], patterns.counts[is_kept], numbers[of_row])


def _size_findings(patterns: Patterns, contract: Contract, n_coefficients: int, policy: Policy) -> list[Finding]:
    """Rule 1, of all rows that take part and of those of each target."""
    n_part = int(patterns.counts.sum())
    # Predictors are observed on every row that takes part: their margins say something about that many people.
    first_predictor = contract.read_from(next(index for index in contract.model if index not in contract.targets))
    findings = [_finding(breach, contract, first_predictor) for breach in check_rows(n_part, policy)]
    for position, index in enumerate(contract.targets):
        n_observed = n_part - int(patterns.counts[patterns.masks[:, position]].sum())
        breaches = check_fit(n_observed, n_coefficients, policy)
        findings += [_finding(breach, contract, index, parameters=n_coefficients) for breach in breaches]
    return findings


def people_findings(patterns: Patterns, columns: Mapping[int, Values], contract: Contract, policy: Policy) -> list[Finding]:
    """Rules 2 and 3, of every set of rows that an answer is about; of each column or pair of columns the first set with a breach."""
    findings: dict[tuple[str, int, int], Finding] = {}

    def note(breach: Breach, column: int, other: int, target: int) -> None:
        details = {"where": f"the rows with {contract.column(target).name!r} observed" if target else "the rows that take part"}
        if other:
            details["other"] = contract.column(other).name
        # Of the levels of one predictor the first speaks for all.
        pair = contract.read_from(column), contract.read_from(other) if other else 0
        findings.setdefault((breach.rule, *pair), _finding(breach, contract, column, **details))

    tables = Tables(columns)
    # Of a column with a table rule 2 says more: ten people are never two.
    others = [index for index in columns if index not in tables.columns]
    sums = {index: Sums.of(columns[index], patterns.of_row, len(patterns.counts)) for index in others}
    everybody = tables.counts(np.ones(len(patterns.of_row), dtype=bool))
    for target, left_out in _left_out(patterns, contract):
        counts = everybody - tables.counts(left_out[patterns.of_row])
        for cell in tables.small_cells(counts, policy):
            # Of two levels of one predictor the table says what their own counts do.
            if cell.other and contract.read_from(cell.column) == contract.read_from(cell.other):
                continue
            note(cell.breach, cell.column, cell.other, target)
        for index in others:
            if sums[index].may_dominate(~left_out, policy):
                values = columns[index]
                for breach in dominance(values[~left_out[patterns.of_row] & ~np.isnan(values)], policy):
                    note(breach, index, 0, target)
    return sorted(findings.values(), key=lambda finding: finding.code)


def _left_out(patterns: Patterns, contract: Contract) -> Iterator[tuple[int, Mask]]:
    """The patterns that are not in the sets of rows that answers are about: none (target 0), and those that miss each target."""
    yield 0, np.zeros(len(patterns.counts), dtype=bool)
    for position, index in enumerate(contract.targets):
        is_missing = patterns.masks[:, position]
        if is_missing.any():
            yield index, is_missing


def _finding(breach: Breach, contract: Contract, index: int = 0, **more: str | int | float) -> Finding:
    details: dict[str, str | int | float] = {"found": breach.found, "limit": breach.limit, **more}
    if index:
        details["column"] = contract.column(index).name
    return Finding(Code(f"rule.{breach.rule}"), column=contract.read_from(index), details=details)
