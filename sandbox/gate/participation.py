"""Which rows of a site are lent to code that sees them: groups that would tell two answers apart by a few people are set aside (rule 4).

A group of rows that miss a binary target must be large enough for its rarer value, too: draws that change only a few of its cells are not
taken (`redraws`), and cells that keep the values they started with, which are drawn from the margin, bias the fits of other targets. So
such rows take no part, which is as if the site had none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import is_group_small, redraw_limit
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.patterns import Group, Mask, Patterns, keep_patterns
from sandbox.gate.tables import Tables, Values

Limits = npt.NDArray[np.float64]
MAX_COUNTED: Final = 256
"""Tables kept while groups are set aside."""


@dataclass(frozen=True, slots=True)
class Participation:
    """Which patterns take part."""

    is_kept: Mask
    """Shape (patterns,)."""
    n_set_aside: int = 0
    """Rows that would tell two answers apart, which are judged by `max_set_aside`. Those that no draw could fill anew do not count: it is
    as if they were not in the file."""
    notices: tuple[Finding, ...] = ()
    """About rows that are left out because draws of a binary target could not fill them anew."""


def everybody(patterns: Patterns) -> Participation:
    """All of them."""
    return Participation(np.ones(len(patterns.counts), dtype=bool))


def participation(contract: Contract, patterns: Patterns, columns: Mapping[int, Values], limit: int, policy: Policy) -> Participation:
    """Of the rows of a site; `limit` is the fewest rows of a difference group."""
    tables = Tables(columns)
    is_kept = keep_rows(patterns, tables, limit, policy)
    n_set_aside = int(patterns.counts[~is_kept].sum())
    limits = _redraw_limits(contract, columns, limit)
    if not (limits > limit).any():
        return Participation(is_kept, n_set_aside)
    is_redrawn = keep_rows(patterns, tables, limit, policy, limits)
    return Participation(is_redrawn, n_set_aside, _redraw_notices(contract, patterns, is_kept & ~is_redrawn, limits))


def keep_rows(patterns: Patterns, tables: Tables, limit: int, policy: Policy, redraw_limits: Limits | None = None) -> Mask:
    """Rule 4: which patterns stay. A group is judged by its size and by its tables of people.

    `redraw_limits`: what is asked of groups that miss each target, shape (targets,), where it is more than `limit`.
    """
    counting = _Counting(tables, patterns)

    def is_small(group: Group) -> bool:
        missed = patterns.masks[group.patterns].all(axis=0)
        if is_group_small(group.n_rows, limit if redraw_limits is None else redraw_limits[missed].max(initial=limit)):
            return True
        return next(counting.tables.small_cells(counting.counts(group), policy), None) is not None

    return keep_patterns(patterns, is_small)


def _redraw_limits(contract: Contract, columns: Mapping[int, Values], limit: int) -> Limits:
    """The fewest rows of a group that misses each target, shape (targets,): more than `limit` where draws change few cells.

    Of one target alone nothing tells imputed cells: its own fits leave them out.
    """
    limits = np.full(len(contract.targets), float(limit))
    for place, index in enumerate(contract.targets if len(contract.targets) > 1 else ()):
        values = columns[index]
        n_observed, n_ones = int((~np.isnan(values)).sum()), int(np.nansum(values))
        if contract.column(index).is_binary and n_observed:
            limits[place] = redraw_limit(min(n_ones, n_observed - n_ones), n_observed, limit)
    return limits


def _redraw_notices(contract: Contract, patterns: Patterns, is_left_out: Mask, limits: Limits) -> tuple[Finding, ...]:
    """What is said of the rows that take no part because draws of a binary target would tell them apart."""
    findings = []
    for place, index in enumerate(contract.targets):
        n_rows = int(patterns.counts[is_left_out & patterns.masks[:, place]].sum())
        if n_rows and contract.column(index).is_binary:
            needed = int(limits[place]) if math.isfinite(limits[place]) else "no number of"
            details: dict[str, str | int | float] = {"column": contract.column(index).name, "found": n_rows, "limit": needed}
            findings.append(Finding(Code.RULE_REDRAW, "notice", index, details))
    return tuple(findings)


class _Counting:
    """Counts the people of difference groups. Most of the rows that miss one target show any other: the few that do not are taken off."""

    def __init__(self, tables: Tables, patterns: Patterns) -> None:
        self.tables = tables
        self._patterns = patterns
        self._around: dict[bytes, npt.NDArray[np.int64]] = {}

    def counts(self, group: Group) -> npt.NDArray[np.int64]:
        """As :meth:`Tables.counts`."""
        of_row, rest = self._patterns.of_row, group.around & ~group.patterns
        if int(self._patterns.counts[rest].sum()) >= group.n_rows:
            return self.tables.counts(group.patterns[of_row])
        key = np.packbits(group.around).tobytes()
        around = self._around.get(key)
        if around is None:
            if len(self._around) >= MAX_COUNTED:
                self._around.clear()
            around = self._around[key] = self.tables.counts(group.around[of_row])
        return around - self.tables.counts(rest[of_row]) if rest.any() else around
