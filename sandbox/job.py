"""The specification of a job: what is imputed from what, how often, with which parameters. Pure.

`parse_job` reads `job.toml`; `draft_contract` lays it over the header of central's CSV; `sweeps` is the schedule.
"""

from __future__ import annotations

import hashlib
import secrets
import tomllib
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from sandbox.contract import DEFAULT_MISSING, MAX_LEVELS, MIN_LEVELS, Column, Contract, level_key, plain_name
from sandbox.errors import Code, InputError
from sandbox.job_table import check_table
from sandbox.manifest import CHAINS, Manifest
from sandbox.nearest import nearest

MAX_IMPUTATIONS: Final = 1000
MAX_ITERATIONS: Final = 10_000
MAX_SEED: Final = 2**63 - 1
DataType = Literal["continuous", "binary", "categorical", "ordinal", "count"]
Level = str | int | float
NOT_YET: Final = ("transform", "bounds")
"""Keys of a column that are read, and refused until models act on them."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column to impute, by name or 1-based index."""

    column: str | int
    type: DataType
    levels: tuple[Level, ...] | None = None
    """In order, of a binary target 0 and 1; by default numbers by value, other texts by code point."""


class ColumnSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a job says of a column. All of it is optional; of a target only what the target itself does not say."""

    role: Literal["predictor", "ignored"] | None = None
    """Predictor by default, unless the column is a target."""
    type: DataType | None = None
    """By default what the cells in central's file are."""
    levels: tuple[Level, ...] | None = None
    """In order; the first is the reference."""
    transform: str = ""
    bounds: tuple[float, float] | None = None
    unit: str = ""
    range: tuple[float, float] | None = None
    """Of plausible values, in the unit."""
    missing: tuple[Level, ...] = ()
    """Tokens read as missing in this column, besides those of the job."""


class JobSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job as its runner writes it.

    Columns that are not named are predictors when every cell is a number, or when no cell is missing and they have at most 25 levels.
    """

    targets: tuple[Target, ...]
    imputations: int = 10
    iteration_before_first_imputation: int = 20
    iteration_between_imputations: int = 5
    seed: int | None = None
    columns: dict[str, Literal["predictor", "ignored"] | ColumnSpec] = {}
    parameters: dict[str, Any] = {}
    missing: tuple[str, ...] = ()
    """Tokens read as missing in every column, besides the default ones."""
    missing_only: tuple[str, ...] | None = None
    """Tokens in place of the default ones."""

    decimal: Literal[".", ","] | None = None
    """The decimal mark of numbers that a file leaves open, such as 1.299."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All that is read as missing in every column."""
        return tuple(dict.fromkeys((*(DEFAULT_MISSING if self.missing_only is None else self.missing_only), *self.missing)))

    def column(self, name: str) -> ColumnSpec | None:
        """What the job says of a column; None of one that it does not name."""
        said = next((said for key, said in self.columns.items() if plain_name(key) == plain_name(name)), None)
        return ColumnSpec(role=said) if isinstance(said, str) else said

    @property
    def digest(self) -> str:
        """SHA-256 of the specification, in hexadecimal; the order of names in a table does not count."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def has_central_intercept(self) -> bool:
        """Whether the design has a column that is 1 at central and 0 at sites."""
        return self.parameters.get("central_intercept") is True

    @property
    def chains(self) -> int:
        """C: how many chains run side by side. Only a pair of many targets has the parameter, with 1 as its default."""
        return int(self.parameters.get(CHAINS, 1))

    def imputations_of(self, chain: int) -> int:
        """How many imputations a chain (from 0) keeps: they are taken from the chains in turn."""
        return len(range(chain, self.imputations, self.chains))


class Sweep(msgspec.Struct, frozen=True):
    """One pass over the targets; `keeps_imputation` after it."""

    index: int
    keeps_imputation: bool


def parse_job(text: str) -> JobSpec:
    """The job in a TOML text. Raises :class:`InputError` that names the key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(Code.JOB_INVALID, reason=f"not TOML ({error})") from error
    return job_from_table(table)


def job_from_table(table: dict[str, Any]) -> JobSpec:
    """The job in a table (of TOML or JSON). Raises :class:`InputError` that says what is allowed."""
    check_table(table, JobSpec.__struct_fields__, Target.__struct_fields__, ColumnSpec.__struct_fields__)
    try:
        return msgspec.convert(table, JobSpec)
    except msgspec.ValidationError as error:
        raise InputError(Code.JOB_INVALID, reason=str(error)) from error


def check_job(spec: JobSpec, manifest: Manifest) -> JobSpec:
    """`spec` with its seed drawn and its parameters complete, checked against what the pair can do."""
    capabilities = manifest.capabilities
    if not spec.targets:
        raise InputError(Code.JOB_TARGETS, reason="the job has no target")
    if capabilities.targets == "one" and len(spec.targets) > 1:
        raise InputError(Code.JOB_TARGETS, reason=f"{manifest.name} imputes one target, the job has {len(spec.targets)}")
    for target in spec.targets:
        _check_target(target, manifest)
    for name in spec.columns:
        _check_column(name, spec.column(name) or ColumnSpec())
    _check_ranges(spec)
    seed = secrets.randbits(63) if spec.seed is None else spec.seed
    spec = msgspec.structs.replace(spec, seed=seed, parameters=manifest.resolve_parameters(spec.parameters))
    if spec.chains > spec.imputations:
        reason = f"{spec.chains} chains for {spec.imputations} imputations: a chain would keep none; ask for as many imputations as chains"
        raise InputError(Code.JOB_PARAMETERS, parameter=CHAINS, reason=reason)
    if capabilities.targets == "many" and spec.imputations > 1 and spec.iteration_before_first_imputation < 1:
        raise InputError(Code.JOB_THINNING_ZERO, key="iteration_before_first_imputation")
    if capabilities.targets == "many" and spec.imputations > spec.chains and spec.iteration_between_imputations < 1:
        raise InputError(Code.JOB_THINNING_ZERO, key="iteration_between_imputations")
    return spec


def _check_target(target: Target, manifest: Manifest) -> None:
    if target.type not in ("continuous", "binary"):
        reason = f"target {target.column!r} is {target.type}: such a column can be a predictor, but there is no model yet to impute it"
        raise InputError(Code.JOB_TARGETS, reason=reason)
    if target.type not in manifest.capabilities.target_types:
        raise InputError(Code.JOB_TARGETS, reason=f"{manifest.name} does not impute {target.type} targets")
    _check_levels(f"target {target.column!r}", target.type, target.levels, Code.JOB_TARGETS)


def _check_column(name: str, said: ColumnSpec) -> None:
    """Whether what is said of a column goes together, and is acted on."""
    for key in NOT_YET:
        if getattr(said, key):
            raise InputError(Code.JOB_INVALID, reason=f"column {name!r}: {key} is not acted on yet; leave it out")
    if said.range is not None and not said.range[0] < said.range[1]:
        raise InputError(Code.JOB_INVALID, reason=f"column {name!r}: range must be a lower and a higher number")
    _check_levels(f"column {name!r}", said.type, said.levels, Code.JOB_INVALID)


def _check_levels(what: str, type_: DataType | None, levels: tuple[Level, ...] | None, code: Code) -> None:
    """Whether a type may have these levels."""
    if levels is None:
        return
    if type_ in ("continuous", "count"):
        raise InputError(code, reason=f"{what} is {type_} and cannot have levels")
    least, most = {"binary": (2, 2), None: (2, MAX_LEVELS)}.get(type_, (MIN_LEVELS, MAX_LEVELS))
    if not least <= len(levels) <= most:
        wanted = "2" if most == 2 else f"{least} to {most}"
        hint = "; a column of two is binary" if len(levels) == 2 else ""
        raise InputError(code, reason=f"{what} has {len(levels)} levels where {wanted} are allowed{hint}")
    if len({level_key(str(level)) for level in levels}) < len(levels):
        raise InputError(code, reason=f"{what} has a level twice; numbers are compared by value")


def _check_ranges(spec: JobSpec) -> None:
    if not 1 <= spec.imputations <= MAX_IMPUTATIONS:
        raise InputError(Code.JOB_INVALID, reason=f"imputations must be between 1 and {MAX_IMPUTATIONS}")
    for key in ("iteration_before_first_imputation", "iteration_between_imputations"):
        if not 0 <= getattr(spec, key) <= MAX_ITERATIONS:
            raise InputError(Code.JOB_INVALID, reason=f"{key} must be between 0 and {MAX_ITERATIONS}")
    if spec.seed is not None and not 0 <= spec.seed <= MAX_SEED:
        raise InputError(Code.JOB_INVALID, reason=f"seed must be between 0 and {MAX_SEED}")


def draft_contract(spec: JobSpec, header: list[str]) -> Contract:
    """The contract as far as the job decides it; central's data decide the rest. Raises :class:`InputError` for unknown columns."""
    columns = [_drafted(name, spec.column(name)) for name in header]
    for name in map(plain_name, spec.columns):
        if name not in header:
            raise _unknown(name, header)
    for target in spec.targets:
        index = _index(target.column, header)
        name, said = header[index], spec.column(header[index]) or ColumnSpec()
        if said.role is not None or columns[index].role == "target":
            raise InputError(Code.JOB_TARGETS, reason=f"column {name!r} is given two roles")
        if said.type is not None or said.levels is not None:
            raise InputError(Code.JOB_TARGETS, reason=f"type and levels of target {name!r} belong to the target, not to its column")
        columns[index] = Column(name, "target", target.type, _texts(target.levels), missing=columns[index].missing)
    return Contract(tuple(columns), spec.tokens)


def _drafted(name: str, said: ColumnSpec | None) -> Column:
    """A column as far as a job says what it is, targets aside."""
    if said is None:
        return Column(name)
    if said.role == "ignored":
        return Column(name, "ignored", why="the job ignores it")
    levels, type_ = _texts(said.levels), said.type
    if levels is not None and type_ is None:
        type_ = "binary" if len(levels) == 2 else "categorical"
    return Column(name, "predictor", type_, levels, missing=tuple(str(token) for token in said.missing))


def _texts(levels: tuple[Level, ...] | None) -> tuple[str, ...] | None:
    return None if levels is None else tuple(str(level) for level in levels)


def resolve_columns(parameters: dict[str, Any], manifest: Manifest, contract: Contract) -> dict[str, Any]:
    """`parameters` with the columns that they name as 1-based indices.

    Raises:
        InputError: no such column, or not a predictor; `JOB_PARAMETERS` names the parameter.
    """
    resolved = dict(parameters)
    names = [column.name for column in contract.columns]
    for parameter in manifest.parameters.columns:
        named = parameters[parameter]
        column = int(named) if isinstance(named, str) and named.isascii() and named.isdigit() else named
        try:
            index = _index(column, names) + 1
        except InputError as error:
            reason = f"{column!r} is not a column of the data: use a name or a 1-based index of the header"
            raise InputError(Code.JOB_PARAMETERS, parameter=parameter, reason=reason) from error
        if contract.column(index).role != "predictor":
            reason = f"column {contract.column(index).name!r} is not a predictor"
            raise InputError(Code.JOB_PARAMETERS, parameter=parameter, reason=reason)
        if contract.column(index).is_block:
            reason = f"column {contract.column(index).name!r} has several levels; a column of numbers or of two levels is needed"
            raise InputError(Code.JOB_PARAMETERS, parameter=parameter, reason=reason)
        resolved[parameter] = index
    return resolved


def n_sweeps(spec: JobSpec, manifest: Manifest, chain: int = 0) -> int:
    """How many sweeps a chain (from 0) makes: the length of :func:`sweeps`."""
    if manifest.capabilities.targets == "one":
        return spec.imputations
    return _burn_in(spec) + (spec.imputations_of(chain) - 1) * spec.iteration_between_imputations


def sweeps(spec: JobSpec, manifest: Manifest, chain: int = 0) -> Iterator[Sweep]:
    """The schedule of a chain. Pairs with one target draw M times from one fit; chained equations burn in and thin."""
    if manifest.capabilities.targets == "one":
        for index in range(spec.imputations):
            yield Sweep(index, True)
        return
    first = _burn_in(spec)
    for index in range(n_sweeps(spec, manifest, chain)):
        after_first = index + 1 - first
        keeps = after_first >= 0 and (after_first == 0 or after_first % spec.iteration_between_imputations == 0)
        yield Sweep(index, keeps)


def _burn_in(spec: JobSpec) -> int:
    # A single imputation without burn-in still needs one sweep to have anything to keep.
    return max(spec.iteration_before_first_imputation, 1)


def _index(column: str | int, header: list[str]) -> int:
    if isinstance(column, int):
        if not 1 <= column <= len(header):
            raise _unknown(column, header)
        return column - 1
    name = plain_name(column)
    if name not in header:
        raise _unknown(column, header)
    return header.index(name)


def _unknown(column: str | int, header: list[str]) -> InputError:
    near = nearest(str(column), header)
    return InputError(Code.JOB_COLUMN_UNKNOWN, column=column, nearest=f"; the nearest name there is {near!r}" if near else "")
