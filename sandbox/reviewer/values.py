"""Numbers between a reviewer's file, which has NumPy, and the wire, which has not; and what a file returns, as JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sandbox.contract import Contract
from sandbox.manifest import RequestField
from sandbox.wire.values import Array, Record, Value, floats

NAMES_A_COLUMN: Final = ("column", "predictor")
"""Types of arguments that are a column: a reviewer may name it."""


def to_request(request: Mapping[str, object], declared: Mapping[str, RequestField], contract: Contract) -> dict[str, Value]:
    """The arguments of a step as they travel. What the manifest does not declare travels too: a gate refuses it, not this function.

    Args:
        request: numbers, sequences and arrays; where a column is meant, its 1-based index or its name.
        declared: the step's arguments in the manifest; empty for a step that it does not have.
        contract: the job's columns.

    Raises:
        ValueError: a name that no column has.
        TypeError: something that is no number and no array of numbers.
    """
    return {name: _to_value(value, declared.get(name, RequestField("int")), contract) for name, value in request.items()}


def _to_value(value: Any, field: RequestField, contract: Contract) -> Value:
    if isinstance(value, str):
        return _index(value, contract) if field.type in NAMES_A_COLUMN else value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return float(value) if field.type == "float" else int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    numbers = np.asarray(value, dtype=np.float64)
    return floats(numbers.ravel().tolist(), numbers.shape)


def _index(name: str, contract: Contract) -> int:
    indices: dict[str, int] = {contract.column(index).name: index for index in (*range(1, len(contract.columns) + 1), *contract.indicators)}
    if name not in indices:
        raise ValueError(f"no column is named {name!r}; there are {', '.join(indices)}")
    return indices[name]


def to_array(array: Array) -> npt.NDArray[Any]:
    """An array of the wire as one of NumPy, of its own memory, in the shape it has."""
    return np.frombuffer(array.data, dtype=array.dtype).reshape(array.shape).astype("=" + array.dtype[1:])


def to_arrays(record: Record) -> dict[str, npt.NDArray[Any]]:
    """The parts of one field of a reply, by name."""
    return {part: to_array(array) for part, array in record.items()}


def as_json(value: object) -> Any:
    """`value` in the types of JSON: arrays and tuples as lists, numbers that are not finite as null, anything else as its text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)
