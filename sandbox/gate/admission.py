"""What is judged of a file that states a card: once, at the upload, on all its rows.

A card is a short list of numbers, each with an error of about what one row adds, and no later question chooses rows. So no tables of
several columns, no groups of missing cells and no differences are judged: only whether there are people enough in the file, with each
value of a column of few values and with each outcome of a fit, and whether one of them makes up a number alone. Judged on observed cells,
before any is filled. Findings are for the site's owner and for nobody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import (
    ADMISSION_RULES,
    CONSTANT_SPREAD,
    FEW_EVENTS,
    Breach,
    check_events,
    check_fit,
    check_level,
    check_leverage,
    check_rows,
)
from policies.life_budget import error_size
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.dataset import Columns, Dataset
from sandbox.gate.guard import Verdict
from sandbox.gate.leverage import largest_leverage
from sandbox.gate.products import Middle, dominated_products
from sandbox.gate.spread import Sums, dominance
from sandbox.gate.tables import MAX_CARD_LEVELS, count_levels

Values = npt.NDArray[np.float64]
ITEM_BYTES: Final = 8
MAX_FINDINGS: Final = 100
"""A report of more small cells than this is not read to its end."""
SAMPLE_ROWS: Final = 1 << 14
LONG_TAIL: Final = 10.0
"""Kurtosis above which the errors of a column's sums are so much larger than those of a normal one that intervals of central's, who cannot
know it, are too short: a lognormal column with .4 as the sd of its logarithm has 6, with .8 it has 34 (`tests/statistics/linear.py`)."""
"""Rows across the file that bound the sums over all: a sum of squares or of absolute products is at least that of some of its rows."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one pass over a column says: rows that show it, rows with each of few values, and where its middle is."""

    n_observed: int
    levels: dict[float, int]
    breaches: tuple[Breach, ...]
    middle: Middle | None
    """None of a constant column: it has no products."""
    has_long_tail: bool = False


def admit(dataset: Dataset, policy: Policy, *, fits: Collection[int] = (), selection: int = 0) -> tuple[Finding, ...]:
    """Judge a site's file. A finding that stops says that no card is made of it.

    Args:
        dataset: the file as it was read, values in file order.
        policy: the site's.
        fits: binary targets, by 1-based index, whose own fit the card states.
        selection: the target of a selection model on the card, 0 for none. Rows that miss it are the other outcome of its selection.
    """
    contract, columns, sample = dataset.contract, Columns(dataset, np.arange(dataset.n_rows)), _sample(dataset)
    references = Columns(dataset, np.arange(dataset.n_rows), with_references=True)
    seen = {index: _look(columns[index], cells[~np.isnan(cells)], policy) for index, cells in sample.items()}
    unmeasured = [index for index, about in seen.items() if not about.n_observed]
    findings: list[Finding] = []
    if unmeasured:
        findings += _no_part_findings(unmeasured, contract, selection)
        fits, selection = (), 0
    findings += _size_findings(seen, dataset.n_rows, contract, policy, selection)
    for index in columns:
        if index not in contract.indicators:
            findings += _column_findings(seen[index], index, contract, policy, is_fitted=index in fits)
    for index, indicators in contract.blocks.items():
        counts = [int(np.nansum(references[index])), *(int(seen[indicator].levels.get(1.0, 0)) for indicator in indicators)]
        findings += _level_findings(counts, index, contract, policy)
    if selection:
        n_observed = seen[selection].n_observed
        findings += _event_findings(n_observed, dataset.n_rows - n_observed, selection, contract, policy, "rows that show it or miss it")
    # What stops a column by itself stops its products, too: they would repeat it.
    stopped = {finding.column for finding in findings if finding.severity == "stop"}
    middles = {index: about.middle for index, about in seen.items() if about.middle is not None and index not in stopped}
    for product in dominated_products(columns, middles, sample, policy):
        findings.append(_finding(product.breach, contract, product.column, other=contract.column(product.other).name))
    if _judges_leverage(findings, policy):
        findings += _leverage_findings(dataset, policy)
    return tuple(sorted(findings, key=lambda finding: (finding.severity != "stop", finding.code))[:MAX_FINDINGS])


def verdicts(findings: Sequence[Finding], policy: Policy) -> dict[str, Verdict]:
    """The verdicts of the rules that an admission judged, for the record."""
    stops = {finding.code for finding in findings if finding.severity == "stop"}
    rules = [rule for rule in ADMISSION_RULES if rule != "leverage" or _judges_leverage(findings, policy)]
    return {rule: "refuse" if Code(f"rule.{rule}") in stops else "pass" for rule in rules}


def _look(values: Values, sample: Values, policy: Policy) -> Seen:
    """Look at a column once. `values`: raw, NaN where missing, shape (rows,); `sample`: observed values of rows across the file."""
    n_observed = len(values) - int(np.count_nonzero(np.isnan(values)))
    if not len(sample):
        sample = values[~np.isnan(values)]
    if not n_observed:
        return Seen(0, {}, (), None)
    levels = count_levels(values, MAX_CARD_LEVELS)
    if len(levels) == 2:
        # As on a card: the rarer value is 1, the other one 0.
        return Seen(n_observed, levels, (), Middle(max(levels, key=lambda level: levels[level]), max(levels) - min(levels), is_table=True))
    low, high, centre = float(np.fmin.reduce(values)), float(np.fmax.reduce(values)), float(np.median(sample))
    breaches: tuple[Breach, ...] = ()
    # Of a column of few values rule 2 says more: ten people are never two.
    if not levels and _may_dominate(sample, low, high, policy):
        observed = values[~np.isnan(values)]
        breaches = dominance(observed, policy) if _may_dominate(observed, low, high, policy) else ()
    reach = max(high - centre, centre - low)
    is_constant = reach**2 <= CONSTANT_SPREAD * max(low * low, high * high)
    middle = None if is_constant else Middle(centre, reach, is_table=bool(levels))
    return Seen(n_observed, levels, breaches, middle, middle is not None and not levels and _kurtosis(sample) > LONG_TAIL)


def _kurtosis(values: Values) -> float:
    """Of values that are not all the same, shape (rows,)."""
    squares = (values - values.mean()) ** 2
    return float((squares**2).mean() / max(squares.mean() ** 2, np.finfo(np.float64).tiny))


def _may_dominate(some: Values, low: float, high: float, policy: Policy) -> bool:
    """Whether somebody may dominate a column with these extremes, judged by some of its observed values: False is certain, True is not."""
    sums = Sums.of(some, np.zeros(len(some), dtype=np.intp), 1)
    bound = replace(sums, largest=max(low * low, high * high), reach=(high - low) ** 2)
    return bound.may_dominate(np.ones(1, dtype=bool), policy)


def _size_findings(seen: dict[int, Seen], n_rows: int, contract: Contract, policy: Policy, selection: int) -> Iterator[Finding]:
    """Rule 1: of all rows, of those that show each target, and of those that show a predictor which is filled by a fit."""
    q = contract.n_coefficients(central_intercept=False)
    first_predictor = next(index for index in contract.model if index not in contract.targets)
    for breach in check_rows(n_rows, policy):
        yield _finding(breach, contract, contract.read_from(first_predictor))
    for index, about in seen.items():
        # Of a block one indicator speaks for all: they are shown by the same rows.
        is_first = index not in contract.indicators or index == contract.blocks[contract.read_from(index)][0]
        if is_first and (index in contract.targets or about.n_observed < n_rows):
            for breach in check_fit(about.n_observed, q, policy):
                yield _finding(breach, contract, contract.read_from(index), parameters=q)
    if selection:
        for breach in check_fit(n_rows, 2 * q, policy):
            if breach.rule == "parameter_ratio":
                yield _finding(breach, contract, selection, parameters=2 * q)
    # The largest reply holds a joint Gram, at most one more per target, and little else.
    n_bytes = (1 + len(contract.targets)) * (len(contract.model) + 1) ** 2 * ITEM_BYTES
    if n_bytes > policy.max_frame_bytes:
        yield Finding(Code.LIMIT_FRAME, details={"limit": policy.max_frame_bytes})


def _no_part_findings(unmeasured: Collection[int], contract: Contract, selection: int) -> Iterator[Finding]:
    """What a site that never measured a column takes no part in. Of a target that it lacks itself it was told so."""
    lacking = ", ".join(dict.fromkeys(contract.column(contract.read_from(index)).name for index in unmeasured))
    for index in contract.targets:
        column = contract.column(index)
        if (column.is_binary or index == selection) and index not in unmeasured:
            yield Finding(Code.FIT_NO_PART, "notice", index, {"column": column.name, "lacking": lacking})


def _column_findings(about: Seen, index: int, contract: Contract, policy: Policy, *, is_fitted: bool) -> Iterator[Finding]:
    """Rules 2 and 3 of one column."""
    if is_fitted and about.n_observed:
        n_events = int(about.levels.get(1.0, 0))
        yield from _event_findings(n_events, about.n_observed - n_events, index, contract, policy, "rows with one and with the other value")
    else:
        yield from _level_findings(about.levels.values(), index, contract, policy)
    for breach in about.breaches:
        yield _finding(breach, contract, index, where="the rows that show it")
    if about.has_long_tail and not about.breaches and policy.error:
        yield Finding(Code.DATA_LONG_TAIL, "notice", index, {"column": contract.column(index).name})


def _level_findings(counts: Collection[int], index: int, contract: Contract, policy: Policy) -> Iterator[Finding]:
    """Rule 2 of the rows with each level of one column, of which some have nobody."""
    breaches = (breach for n_rows in sorted(counts) if n_rows for breach in check_level(n_rows, policy))
    for breach in list(breaches)[:1]:
        yield _finding(breach, contract, index, where="the rows that show it")


def _event_findings(n_events: int, n_others: int, index: int, contract: Contract, policy: Policy, what: str) -> Iterator[Finding]:
    """Rule 2 of the two outcomes of a fit, or what the owner should know of a fit to few of them."""
    parameters, fewest = contract.n_coefficients(central_intercept=False), min(n_events, n_others)
    breaches = check_events(n_events, n_others, policy)
    for breach in breaches:
        yield _finding(breach, contract, index, what=what)
    if not breaches and 0 < fewest < FEW_EVENTS * parameters:
        column, per = contract.column(index).name, round(fewest / parameters, 1)
        details: dict[str, str | int | float] = {"column": column, "found": fewest, "parameters": parameters, "per": per}
        yield Finding(Code.FIT_FEW_EVENTS, "notice", index, details)


def _leverage_findings(dataset: Dataset, policy: Policy) -> Iterator[Finding]:
    """Rule 3 of all columns together: nobody's cells may single that one out by what few others have of their columns' combinations."""
    for breach in check_leverage(largest_leverage(dataset, error_size(policy, dataset.n_rows)), policy):
        yield Finding(Code.RULE_LEVERAGE, details={"found": breach.found, "limit": breach.limit})


def _judges_leverage(findings: Sequence[Finding], policy: Policy) -> bool:
    """Whether the policy asks for it. Beside a dominated column nobody's leverage is what it will be."""
    is_stopped = any(finding.severity == "stop" and finding.code is not Code.RULE_LEVERAGE for finding in findings)
    return policy.error > 0 and policy.max_leverage < 1.0 and not is_stopped


def _sample(dataset: Dataset) -> dict[int, Values]:
    """The columns of the model on rows across the file, all of them where there are few: raw, NaN where missing."""
    step = max(1, dataset.n_rows // SAMPLE_ROWS)
    pieces = list(dataset.values.pieces(0, dataset.n_rows))
    return {
        index: np.concatenate([dataset.values[tile][dataset.slots[index], low:high:step] for tile, low, high in pieces])
        for index in dataset.contract.model
    }


def _finding(breach: Breach, contract: Contract, index: int, **more: str | int | float) -> Finding:
    details: dict[str, str | int | float] = {"column": contract.column(index).name, "found": breach.found, "limit": breach.limit, **more}
    return Finding(Code(f"rule.{breach.rule}"), column=contract.read_from(index), details=details)
