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

from sandbox.contract import DEFAULT_MISSING, Column, Contract, TargetType, order_levels, plain_name
from sandbox.errors import Code, InputError
from sandbox.manifest import CHAINS, Manifest

MAX_IMPUTATIONS: Final = 1000
MAX_ITERATIONS: Final = 10_000
MAX_SEED: Final = 2**63 - 1


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column to impute, by name or 1-based index."""

    column: str | int
    type: TargetType
    levels: tuple[str | int | float, str | int | float] | None = None


class JobSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job as its runner writes it. Columns that are not named are predictors if every value is a number, else ignored."""

    targets: tuple[Target, ...]
    imputations: int = 10
    iteration_before_first_imputation: int = 20
    iteration_between_imputations: int = 5
    seed: int | None = None
    columns: dict[str, Literal["predictor", "ignored"]] = {}
    parameters: dict[str, Any] = {}
    missing: tuple[str, ...] = ()
    """Tokens read as missing beside the usual ones."""
    missing_only: tuple[str, ...] | None = None
    """Tokens read as missing in place of the usual ones."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark of numbers that a file leaves open, such as 1.299."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All texts read as missing."""
        usual = DEFAULT_MISSING if self.missing_only is None else self.missing_only
        return tuple(dict.fromkeys((*usual, *self.missing)))

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
    """The job in a table (of TOML or JSON)."""
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
        if target.type not in capabilities.target_types:
            raise InputError(Code.JOB_TARGETS, reason=f"{manifest.name} does not impute {target.type} targets")
        if target.type != "binary" and target.levels is not None:
            raise InputError(Code.JOB_TARGETS, reason=f"target {target.column!r} is continuous and cannot have levels")
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
    roles = {plain_name(name): role for name, role in spec.columns.items()}
    columns = [Column(name, role=roles.get(name)) for name in header]
    for name in roles:
        if name not in header:
            raise InputError(Code.JOB_COLUMN_UNKNOWN, column=name)
    for target in spec.targets:
        index = _index(target.column, header)
        if columns[index].role is not None:
            raise InputError(Code.JOB_TARGETS, reason=f"column {header[index]!r} is given two roles")
        levels = None if target.levels is None else order_levels((str(target.levels[0]), str(target.levels[1])))
        columns[index] = Column(header[index], "target", target.type, levels)
    return Contract(tuple(columns), spec.tokens)


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
            raise InputError(Code.JOB_COLUMN_UNKNOWN, column=column)
        return column - 1
    name = plain_name(column)
    if name not in header:
        raise InputError(Code.JOB_COLUMN_UNKNOWN, column=column)
    return header.index(name)
