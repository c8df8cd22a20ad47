"""What a table of a job may hold: keys, roles and types, told with what is allowed and the nearest name. Pure.

msgspec checks the same and says where in its own words; here an author reads what to write instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sandbox.errors import Code, InputError
from sandbox.nearest import not_allowed

ROLES: Final = ("predictor", "ignored")
TYPES: Final = ("continuous", "binary", "categorical", "ordinal", "count")


def check_table(table: Mapping[str, Any], keys: Collection[str], of_target: Collection[str], of_column: Collection[str]) -> None:
    """Raise :class:`InputError` for a key, a role or a type that is none; what else may be wrong is left to the types.

    Args:
        table: of TOML or JSON.
        keys: of a job.
        of_target: keys of one of its targets.
        of_column: keys of one of its columns.
    """
    _check_keys(table, keys, "key")
    targets, columns = table.get("targets"), table.get("columns")
    for target in targets if isinstance(targets, list) else ():
        _check_entry(target, of_target, f"in target {_name(target)}, ")
    for name, column in columns.items() if isinstance(columns, Mapping) else ():
        if isinstance(column, str) and column not in ROLES:
            raise _wrong(not_allowed(f"the role of column {name!r},", column, ROLES))
        _check_entry(column, of_column, f"in column {name!r}, ")


def _check_entry(entry: object, keys: Collection[str], where: str) -> None:
    if not isinstance(entry, Mapping):
        return
    _check_keys(entry, keys, f"{where}key")
    for key, allowed in (("role", ROLES), ("type", TYPES)):
        value = entry.get(key)
        if isinstance(value, str) and key in keys and value not in allowed:
            raise _wrong(not_allowed(f"{where}{key}", value, allowed))


def _check_keys(table: Mapping[str, Any], keys: Collection[str], what: str) -> None:
    for key in table:
        if key not in keys:
            raise _wrong(not_allowed(what, key, keys))


def _name(target: object) -> str:
    return repr(target["column"]) if isinstance(target, Mapping) and "column" in target else "without a column"


def _wrong(reason: str) -> InputError:
    return InputError(Code.JOB_INVALID, reason=reason)
