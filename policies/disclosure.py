"""The disclosure rules: what a site's gate asks of a question before it answers. Pure functions of counts and bounds, never of a row.

The gate gathers the evidence, asks here, and turns a :class:`Breach` into a finding (at the upload), a refusal (in a round) or, on
central's own rows, a notice. Counts are rows of the site that take part; linear predictors and sigma are in standardised units.
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
    "combination",
    "dominance",
    "set_aside",
    "units",
    "eta",
    "weight_sum",
    "selection_bounds",
    "evaluations",
    "draw_bounds",
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
STANDING_RULES: Final = ("cell_column", "cell_cross", "combination", "dominance", "set_aside")
"""Rules that only the rows decide, not the question: judged once, before Start, and in force for every message."""
CONSTANT_SPREAD: Final = 1e-24
"""A sum of squares about the median below this share of the sum of squares is rounding: the column is constant and tells of nobody."""
BANDS: Final = ((0, "0"), (9, "1–9"), (49, "10–49"))
"""Upper ends of the bands in which a number of set-aside rows may be told."""
LAST_BAND: Final = "≥ 50"
MAX_ATANH_CORRELATION: Final = 2.5
"""Of selection and outcome: at |ρ| = 0.987 a probability is all but a step between neighbouring rows."""


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


@dataclass(frozen=True, slots=True)
class Question:
    """Evidence on a question at a β that central chose."""

    max_abs_eta: float
    """Largest |Xβ| over the rows used."""
    weight_sum: float
    """Σ p(1−p) over the rows used."""
    n_evaluations: int
    """Questions about this target since its last draw, this one included."""


@dataclass(frozen=True, slots=True)
class SelectionQuestion:
    """Evidence on a question about a selection model at a θ that central chose."""

    reach: float
    """The largest of |z'γ|, of a binary target |x'β|, half the largest |residual| / σ of a continuous one, and half the largest argument
    of a conditional probability, over the rows used; infinite when an answer would not be a number."""
    correlation: float
    """|atanh ρ|."""
    weight_sum: float
    """What the rows with the target observed tell about selection and outcome together: Σ of weights of at most a quarter, as p(1−p)."""
    n_selected: int
    """Rows with the target observed."""
    n_not_selected: int
    """Rows with the target missing."""
    n_evaluations: int
    """As in :class:`Question`."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Evidence on a draw that was asked for."""

    max_abs_eta: float
    """Largest |Xβ| over the rows to fill."""
    sigma: float | None
    """Residual sd; None for a binary target."""
    is_fitted: bool
    """Whether the target was fitted since its last draw."""
    n_draws: int
    """Draws of this target, this one included."""
    max_draws: int
    """Sweeps of the schedule."""
    correlation: float = 0.0
    """|atanh ρ| of a draw from a selection model."""


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


def check_combinations(n_rows: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 2 on the rows in small cells of the table of all such columns: weights that are no line of the columns give each cell away."""
    return (Breach("combination", n_rows, policy.min_cell_cross),) if n_rows else ()


def check_dominance(spread: Spread, policy: Policy) -> tuple[Breach, ...]:
    """Rule 3: neither two rows together nor one against all others may make up a sum of squares.

    For a given total it only gets stricter as `first` and `second` grow, so upper bounds of them may stand in for them.
    """
    if not spread.total > 0:
        return ()
    share = (spread.first + spread.second) / spread.total
    remainder = spread.total - spread.first - spread.second
    is_dominated = share > policy.dominance_top2 or remainder < policy.dominance_remainder * spread.first
    return (Breach("dominance", round(share, 3), policy.dominance_top2),) if is_dominated else ()


def check_rows(n_rows: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 1 on a number of rows: none, or at least the minimum."""
    return (Breach("min_rows", n_rows, policy.min_rows),) if 0 < n_rows < policy.min_rows else ()


def check_fit(n_rows: int, n_coefficients: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 1 on the rows of a fit: enough of them, and enough for each coefficient."""
    breaches = check_rows(n_rows, policy)
    if n_rows and n_coefficients > policy.max_parameter_ratio * n_rows:
        breaches += (Breach("parameter_ratio", n_rows, policy.max_parameter_ratio),)
    return breaches


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


def check_question(question: Question, policy: Policy) -> tuple[Breach, ...]:
    """Rule 5. Cap, floor and grid work only together: a β that puts one row at a step, or all but a few at p = 0 or 1, singles rows out."""
    breaches: tuple[Breach, ...] = ()
    if not question.max_abs_eta <= policy.max_abs_eta:
        breaches += (Breach("eta", limit=policy.max_abs_eta),)
    if not question.weight_sum >= policy.min_weight_sum:
        breaches += (Breach("weight_sum", limit=policy.min_weight_sum),)
    if question.n_evaluations > policy.max_evaluations_per_fit:
        breaches += (Breach("evaluations", question.n_evaluations, policy.max_evaluations_per_fit),)
    return breaches


def check_selection(question: SelectionQuestion, limit: int, policy: Policy) -> tuple[Breach, ...]:
    """Rule 5 for selection models. `limit` is that of difference groups: rows with and without the target are told apart."""
    breaches: tuple[Breach, ...] = ()
    if not question.reach <= policy.max_abs_eta or not question.correlation <= MAX_ATANH_CORRELATION:
        breaches += (Breach("selection_bounds", limit=policy.max_abs_eta),)
    if is_group_small(question.n_selected, limit) or is_group_small(question.n_not_selected, limit):
        breaches += (Breach("min_rows", min(question.n_selected, question.n_not_selected), limit),)
    if not question.weight_sum >= policy.min_weight_sum:
        breaches += (Breach("weight_sum", limit=policy.min_weight_sum),)
    if question.n_evaluations > policy.max_evaluations_per_fit:
        breaches += (Breach("evaluations", question.n_evaluations, policy.max_evaluations_per_fit),)
    return breaches


def check_draw(draw: Draw, policy: Policy) -> tuple[Breach, ...]:
    """Rule 6. A draw is a question too: imputed cells that central can tell apart show in the next Gram."""
    breaches: tuple[Breach, ...] = ()
    is_sigma_bad = draw.sigma is not None and not policy.min_draw_sigma <= draw.sigma <= policy.max_draw_sigma
    is_far = not draw.max_abs_eta <= policy.max_abs_eta or not draw.correlation <= MAX_ATANH_CORRELATION
    if is_sigma_bad or is_far:
        breaches += (Breach("draw_bounds", limit=policy.max_abs_eta),)
    if not draw.is_fitted or draw.n_draws > draw.max_draws:
        breaches += (Breach("draw_schedule", draw.n_draws, draw.max_draws),)
    return breaches


def band(n_rows: int) -> str:
    """The band in which a number of set-aside rows may leave the site."""
    return next((name for upper, name in BANDS if n_rows <= upper), LAST_BAND)
