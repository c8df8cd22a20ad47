"""The policy of a site: which numbers may leave, and the limits a worker runs under.

Three policies come with Tidegate (`research`, `default`, `strict`). A site's own file names one in `extends` and may only narrow it.
Each key is declared once, in :class:`Policy`, with its unit and reason beside it; the direction that narrows it is in
:data:`NARROWS`. An unknown key is an error that names file and key.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Final, Literal

import msgspec

Isolation = Literal["none", "seccomp", "seccomp+landlock", "seccomp+landlock+namespaces"]
ISOLATION_TIERS: Final[tuple[Isolation, ...]] = ("none", "seccomp", "seccomp+landlock", "seccomp+landlock+namespaces")
"""Weakest first. `none` exists so that a report can name it; no policy accepts it."""
RowsAccess = Literal["any", "approved", "refuse"]
ROWS_ACCESS: Final[tuple[RowsAccess, ...]] = ("any", "approved", "refuse")
"""Widest first."""


Points = Literal["exact", "common", "none"]
POINTS: Final[tuple[Points, ...]] = ("exact", "common", "none")
"""Widest first."""


class PolicyError(ValueError):
    """A policy file is wrong: `file`, `key` and `reason` say where and why."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        self.file, self.key, self.reason = file, key, reason
        super().__init__(f"{file}, {key}: {reason}")


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One policy. Counts are rows of the site that take part; ratios are shares; times are seconds; sizes are bytes."""

    name: str
    # Disclosure rules
    min_rows: int
    """Rows on which a target must be observed before anything about it leaves, unless it is never observed."""
    min_cell_column: int
    """Rows with each level of a column of two or three values, unless none has it: its sums are counts of people."""
    min_cell_cross: int
    """Rows in each cell of the table of two such columns, unless none is in it: a cross-product gives the table away."""
    dominance_top2: float
    """Largest share of a sum of squares that two rows may hold (1: off), around zero and around the site's median."""
    dominance_remainder: float
    """What the rows beyond the two largest must add up to, as a share of the largest (0: off): else it is known too exactly."""
    max_leverage: float
    """Largest share of the variance of one person's cell that a card may tell who knows all other columns (1: off)."""
    max_parameter_ratio: float
    """Coefficients per row: a fit with nearly as many coefficients as rows repeats the rows."""
    min_difference_group: int
    """Rows that may tell the statistics of two targets, or of two sweeps, apart; smaller groups are set aside."""
    difference_group_covers_parameters: bool
    """Whether a difference group must also exceed the number of coefficients (else its Gram spans its rows)."""
    max_set_aside: float
    """Share of rows that may be set aside before the job stops with remedies."""
    gram_grid: float
    """Rounding of sums, as a share of the sum of absolute contributions: the last digits of a double are a channel."""
    coarse_grid: float
    """Rounding of sums by code that nobody reviewed, as a share of the root of the sum of squared deviations of contributions."""
    max_sums_per_row: float
    """Different numbers per row in one message of code that sees rows: sums over chosen subsets of rows give the rows back by algebra."""
    max_job_sums_per_row: float
    """Numbers per row over a job of such code, counting those that earlier ones do not determine on complete rows."""
    max_unreviewed_sums_per_row: float
    """The same for code that the site did not review: nobody knows which subsets it chose."""
    max_data_sums_per_row: float
    """The same over all jobs of such code on one data set: when that much has left, no further job may start on it."""
    max_abs_eta: float
    """How far out, in standardised units, start values may lie; requests and fills of code that sees rows within small multiples: what is
    farther out singles rows out."""
    max_evaluations_per_fit: int
    """Questions that central can vary, per fill, of code that sees rows: each one is a view of the same rows."""
    max_chains: int
    """Chains that a job may run side by side: at central each holds its own copy of the rows, and an exact site answers each."""
    refusal_budget: int
    """Refusals a job may cost a site: a refusal is an answer of one bit."""
    reply_seconds: float
    """A reply leaves at a multiple of so many seconds after its question (0: at once): how long an answer took is an answer."""
    rows_reply_seconds: float
    """The answers of code that sees rows leave this many seconds after their question, or twice, four times … as many where the step has
    ever been that slow (0: at once): such code can make its speed tell of a row."""
    rows_access: RowsAccess
    """Which code may see rows: any, only digests that the site approved for it, or none."""
    # The card of a blind pair's site
    error: float
    """ν: the sticky error of a number on a card, in what a typical row adds to it; 0: exact."""
    max_fits: int
    """Own fits that the life of a file may state; every error grows by the root of this over 2.5, whatever a job asks for."""
    points: Points
    """Which questions at coefficients that central chose a site answers: none, one common point where it is due, or any, exactly."""
    reach: float
    """Farthest that a common point may lie from the own fit, in root mean square of the linear predictor; farther ones are pulled in."""
    max_numbers_per_row: float
    """Numbers that contain one column, per row, over the life of a file."""
    max_numbers: int
    """The same at most, whatever the rows. The more a life may tell, the larger its errors are (`policies.life_budget`)."""
    max_versions: int
    """Versions of a file that may state a card in its life."""
    life_days: int
    """Days after its last card when the life of a file ends."""
    # Isolation
    minimum_isolation: Isolation
    """The site refuses to run below this tier; only its administrator may lower it."""
    # Limits
    max_source_bytes: int
    """Size of one module of a pair."""
    max_line_bytes: int
    """Length of one CSV line."""
    max_frame_bytes: int
    """Size of one frame."""
    max_rows_bytes: int
    """Memory for the rows of one data set, uploaded text included."""
    worker_data_bytes: int
    """Private memory of a worker."""
    worker_cpu_seconds: int
    """Processor time of a worker. Within one step the wall time bounds it: a worker has no more threads than it was started with."""
    step_seconds: int
    """Wall time of one step."""
    job_seconds: int
    """Wall time of one job."""
    max_messages: int
    """Messages of one job."""
    max_messages_per_step: int
    """Messages of a worker within one step: kernels that a step names; tells and notes of a central module between two questions."""

    def lets_see_rows(self, is_reviewed: bool) -> bool:
        """Whether a pair's code may see rows here; `is_reviewed`: the site opted in to exactly these bytes."""
        return self.rows_access == "any" or (self.rows_access == "approved" and is_reviewed)


NARROWS: Final[dict[str, Literal["up", "down", "true"]]] = {
    "min_rows": "up",
    "min_cell_column": "up",
    "min_cell_cross": "up",
    "dominance_top2": "down",
    "dominance_remainder": "up",
    "max_leverage": "down",
    "max_parameter_ratio": "down",
    "min_difference_group": "up",
    "difference_group_covers_parameters": "true",
    "max_set_aside": "down",
    "gram_grid": "up",
    "coarse_grid": "up",
    "max_sums_per_row": "down",
    "max_job_sums_per_row": "down",
    "max_unreviewed_sums_per_row": "down",
    "max_data_sums_per_row": "down",
    "max_abs_eta": "down",
    "max_evaluations_per_fit": "down",
    "max_chains": "down",
    "refusal_budget": "down",
    "reply_seconds": "up",
    "rows_reply_seconds": "up",
    "rows_access": "up",
    "error": "up",
    "max_fits": "down",
    "points": "up",
    "reach": "down",
    "max_numbers_per_row": "down",
    "max_numbers": "down",
    "max_versions": "down",
    "life_days": "up",
    "minimum_isolation": "up",
    "max_source_bytes": "down",
    "max_line_bytes": "down",
    "max_frame_bytes": "down",
    "max_rows_bytes": "down",
    "worker_data_bytes": "down",
    "worker_cpu_seconds": "down",
    "step_seconds": "down",
    "job_seconds": "down",
    "max_messages": "down",
    "max_messages_per_step": "down",
}
"""The direction in which a value becomes stricter. A key that is not here cannot be changed by a site."""

ORDERED: Final[dict[str, tuple[object, ...]]] = {"minimum_isolation": ISOLATION_TIERS, "rows_access": ROWS_ACCESS, "points": POINTS}
"""Keys whose values are names, widest first."""

BUILT_IN: Final = ("research", "default", "strict")


def is_narrower(key: str, value: object, than: object) -> bool:
    """Whether `value` allows no more than `than` does for `key`."""
    direction = NARROWS[key]
    if key in ORDERED:
        order = ORDERED[key]
        return order.index(value) >= order.index(than)
    if direction == "true":
        return bool(value) or not than
    assert isinstance(value, int | float)  # noqa: S101 - the struct has checked the types
    assert isinstance(than, int | float)  # noqa: S101
    return value >= than if direction == "up" else value <= than


def tighten(base: Policy, changes: dict[str, object], file: str) -> Policy:
    """`base` with `changes`, each of which must narrow it. Raises :class:`PolicyError` otherwise."""
    for key in changes:
        if key != "name" and key not in NARROWS:
            raise PolicyError(file, key, "unknown key")
    try:
        policy = msgspec.convert({**msgspec.structs.asdict(base), **changes}, Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(file, _key_of(error), str(error)) from error
    for key in changes:
        if key != "name" and not is_narrower(key, getattr(policy, key), getattr(base, key)):
            raise PolicyError(file, key, f"would allow more than {base.name!r} does ({getattr(base, key)})")
    return policy


def parse_policy(text: str, file: str) -> Policy:
    """The policy in a TOML text: complete, or `extends` a built-in one."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(file, "(syntax)", str(error)) from error
    base = table.pop("extends", None)
    if base is not None:
        return tighten(built_in(str(base), file), table, file)
    for key in table:
        if key not in Policy.__struct_fields__:
            raise PolicyError(file, key, "unknown key")
    try:
        return msgspec.convert(table, Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(file, _key_of(error), str(error)) from error


def built_in(name: str, file: str = "extends") -> Policy:
    """One of the policies that come with Tidegate."""
    if name not in BUILT_IN:
        raise PolicyError(file, "extends", f"no policy named {name!r}; there are {', '.join(BUILT_IN)}")
    return parse_policy(resources.files("policies").joinpath(f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def load_policy(name_or_file: str) -> Policy:
    """A built-in policy by name, or a site's own file."""
    if name_or_file in BUILT_IN:
        return built_in(name_or_file)
    path = Path(name_or_file)
    if not path.is_file():
        raise PolicyError(name_or_file, "(file)", f"no such file, and no built-in policy of that name ({', '.join(BUILT_IN)})")
    return parse_policy(path.read_text(encoding="utf-8"), path.name)


def _key_of(error: msgspec.ValidationError) -> str:
    text = str(error)
    return text.split("`")[-2].removeprefix("$.") if "`" in text else "(file)"
