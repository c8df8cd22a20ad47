"""The disclosure rules: what a site's gate asks of a question before it answers. Pure functions of counts and bounds, never of a row.

The gate gathers the evidence, asks here, and turns a :class:`Breach` into a finding (at the upload), a refusal (in a round) or, on
central's own rows, a notice. Counts are rows of the site that take part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from policies.policy import Policy

Rule = Literal[
    "min_rows",
    "parameter_ratio",
    "cell_column",
    "cell_cross",
    "dominance",
    "dominance_cross",
    "leverage",
    "events",
    "set_aside",
    "units",
    "evaluations",
    "draw_schedule",
    "redraw",
    "additive",
    "contributors",
    "difference",
    "span",
    "lattice",
    "value",
    "sum_budget",
    "request_bounds",
    "row_state",
    "estimate",
]
STANDING_RULES: Final = ("cell_column", "cell_cross", "dominance", "set_aside")
"""Rules that only the rows decide, not the question: judged once, before Start, and in force for every message."""
ADMISSION_RULES: Final = ("min_rows", "parameter_ratio", "cell_column", "events", "dominance", "dominance_cross", "leverage")
"""What is judged of a file that states a card: once, at the upload, of all its rows."""
FEW_EVENTS: Final = 10
"""Events per coefficient below which an own fit leans on its ridge, and its errors weigh as much as its numbers."""
CONSTANT_SPREAD: Final = 1e-24
"""A sum of squares about the median below this share of the sum of squares is rounding: the column is constant and tells of nobody."""


REDRAWN_TIMES: Final = 2
"""Of the difference group: with so many cells of the rarer value, few draws miss the group by chance."""
MAX_UNITS: Final = 1e4
"""√(N/n) of a site of 100 rows among 10 000 000 000."""
MIN_SPREAD: Final = 1e-100
MIN_DRAWN: Final = 0.1
"""Sd of the observed values of a continuous target that a site imputes; its imputed cells are up to 10."""
MIN_RELATIVE_SPREAD: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that is not kept: what was found and what the policy allows."""

    rule: Rule
    found: float = 0
    limit: float = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Evidence on a sum of squares that leaves: its two largest contributions and what they all add up to."""

    first: float
    second: float
    total: float


@dataclass(frozen=True, slots=True)
class Fit:
    """Evidence on the centre and scale that central fixed for a column: where the site's observed values lie in those units."""

    root_mean_square: float
    spread: float
    """Their sd; 0 when they are all one value."""
    is_drawn: bool = False
    """Whether imputed cells of the column may be anything: a continuous target that is missing for some rows."""


def difference_limit(n_coefficients: int, policy: Policy) -> int:
    """The fewest rows that may tell the statistics of two targets apart."""
    covering = n_coefficients + 1 if policy.difference_group_covers_parameters else 0
    return max(policy.min_difference_group, covering)


def redraw_limit(n_rarer: int, n_observed: int, limit: int) -> float:
    """The fewest rows of a difference group in which a binary target is imputed anew: so many that few draws miss `limit` by chance.

    `n_rarer` of `n_observed` rows have the rarer of its two values. Infinite when none has.
    """
    return math.ceil(REDRAWN_TIMES * limit * n_observed / n_rarer) if n_rarer else math.inf


def is_group_small(n_rows: int, limit: float) -> bool:
    """Rule 4 on the size of a difference group: no row, or at least `limit`."""
    return 0 < n_rows < limit


def check_level(n_rows: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 2 on a level of a column of two or three values: its sums give the number of rows with that level away."""
    return (Breach("cell_column", n_rows, policy.min_cell_column),) if 0 < n_rows < policy.min_cell_column else ()


def check_crossing(n_rows: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 2 on a cell of the table of two such columns: a cross-product gives it away."""
    return (Breach("cell_cross", n_rows, policy.min_cell_cross),) if 0 < n_rows < policy.min_cell_cross else ()


def check_dominance(spread: Spread, policy: Policy, rule: Literal["dominance", "dominance_cross"] = "dominance") -> tuple[Breach, ...]:
    """Rule 3: neither two rows together nor one against all others may make up a sum of squares (on a card: or of absolute products).

    For a given total it only gets stricter as `first` and `second` grow, so upper bounds of them may stand in for them.
    """
    if not spread.total > 0:
        return ()
    share = (spread.first + spread.second) / spread.total
    remainder = spread.total - spread.first - spread.second
    is_dominated = share > policy.dominance_top2 or remainder < policy.dominance_remainder * spread.first
    return (Breach(rule, round(share, 3), policy.dominance_top2),) if is_dominated else ()


def check_leverage(leverage: float, policy: Policy) -> tuple[Breach, ...]:
    """Rule 3 on the largest share of a cell's variance that a card tells who knows all other columns of the file."""
    return (Breach("leverage", round(leverage, 3), policy.max_leverage),) if not leverage <= policy.max_leverage else ()


def check_rows(n_rows: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 1 on a number of rows: none, or at least the minimum."""
    return (Breach("min_rows", n_rows, policy.min_rows),) if 0 < n_rows < policy.min_rows else ()


def check_fit(n_rows: int, n_coefficients: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 1 on the rows of a fit: enough of them, and enough for each coefficient."""
    breaches = check_rows(n_rows, policy)
    if n_rows and n_coefficients > policy.max_parameter_ratio * n_rows:
        breaches += (Breach("parameter_ratio", n_rows, policy.max_parameter_ratio),)
    return breaches


def check_events(n_events: int, n_others: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 2 on the two outcomes of an own fit: its score tells how many have each, and of a handful it tells who they are.

    Where nobody has one of them there is no fit to state, unless questions at any coefficients are answered exactly.
    """
    fewest = min(n_events, n_others)
    is_nothing_stated = not fewest and policy.points == "exact"
    return (Breach("events", fewest, policy.min_cell_column),) if fewest < policy.min_cell_column and not is_nothing_stated else ()


def check_set_aside(n_set_aside: int, n_rows: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 4's end: no more than a share of the rows may be set aside."""
    limit = math.floor(policy.max_set_aside * n_rows)
    return (Breach("set_aside", n_set_aside, limit),) if n_set_aside > limit else ()


def check_units(fit: Fit) -> tuple[Breach, ...]:
    """Rule 6a: units must be such as margins that include this site's give. Beyond that floating point makes steps of lines.

    Pooled units obey scale² ≥ Σ(x − centre)² / N over the site's n rows, so its root mean square is at most √(N/n). The next two bounds
    keep the numbers of two people apart when the centre is taken off, and their squares from becoming 0, which no grid would round. The
    last one keeps the observed cells of a target from vanishing beside its imputed ones: then a cross-product of two targets would be about
    the rows that miss both, which may be few. About their own mean, for any constant is taken off by the sums of the same Gram.
    """
    is_far = not fit.root_mean_square <= MAX_UNITS
    is_lost = fit.spread != 0 and not fit.spread >= max(MIN_SPREAD, MIN_RELATIVE_SPREAD * fit.root_mean_square)
    is_hidden = fit.is_drawn and fit.spread != 0 and not fit.spread >= MIN_DRAWN
    return (Breach("units", limit=MAX_UNITS),) if is_far or is_lost or is_hidden else ()


def check_starts(max_abs_start: float, policy: Policy) -> tuple[Breach, ...]:
    """Rule 6a on the start values of missing cells, standardised, which central names with the units: none hides the observed cells."""
    return (Breach("units", limit=policy.max_abs_eta),) if not max_abs_start <= policy.max_abs_eta else ()


def check_evaluations(n_evaluations: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 5 on code that sees rows: questions about a target since its last fill, this one included. Each is a view of the same rows."""
    is_over = n_evaluations > policy.max_evaluations_per_fit
    return (Breach("evaluations", n_evaluations, policy.max_evaluations_per_fit),) if is_over else ()


def check_schedule(n_fills: int, max_fills: int, *, is_fitted: bool) -> tuple[Breach, ...]:
    """Rule 6 on code that sees rows: a fill of a target, the one at hand included, for each sweep and after a fit."""
    return (Breach("draw_schedule", n_fills, max_fills),) if not is_fitted or n_fills > max_fills else ()
