"""What a field of a reply is to a pair: a record of `sandbox.estimation.aggregates`, of one participant or added up over all.

A sum or a count of code that sees rows is a plain number or array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import reduce
from operator import add
from typing import Any, Final, TypeAlias

import numpy as np

from sandbox.errors import Code, PeerError
from sandbox.estimation.aggregates import Estimate, Gradient, Gram, Score, SelectionScore, SiteFit
from sandbox.estimation.arrays import Floats, read_only
from sandbox.manifest import VALUE
from sandbox.wire.values import Array
from sandbox.wire.values import Record as WireRecord
from sandbox.worker.arrays import to_numpy

Record: TypeAlias = Gram | Score | Gradient | SiteFit | SelectionScore | Estimate | int | float | Floats

_CLASSES: Final[dict[str, type[Any]]] = {
    "gram": Gram,
    "glm_score": Score,
    "glm_gradient": Gradient,
    "glm_fit": SiteFit,
    "selection_score": SelectionScore,
    "estimate": Estimate,
}
_ADDITIVE: Final = (Gram, Score, Gradient, SelectionScore)
_PLAIN: Final = (int, float, np.ndarray)
_CONSTANT: Final = frozenset({"n_intercepts"})
_SUMMED: Final = {kind: tuple(field.name for field in fields(kind) if field.name not in _CONSTANT) for kind in _ADDITIVE}


def read(kind: str, record: WireRecord, n_intercepts: int) -> Record:
    """The record in a reply's field. Raises :class:`PeerError` for a kind that no step can answer with."""
    if kind in ("sum", "count"):
        return _part(record[VALUE])
    record_class = _CLASSES.get(kind)
    if record_class is None:
        raise PeerError(Code.RULE_UNDECLARED)
    parts: dict[str, Any] = {name: _part(array) for name, array in record.items()}
    if record_class is not Estimate:
        parts["n_intercepts"] = n_intercepts
    made: Record = record_class(**parts)
    return made


def total(records: Sequence[Record]) -> Record:
    """The aggregate of one field, added in the order given.

    Raises:
        PeerError: the records are not of one kind.
        TypeError: the kind does not add up: a fit of a participant is not part of a sum.
    """
    first = records[0]
    if len(records) == 1:
        return first
    if any(type(record) is not type(first) for record in records):
        raise PeerError(Code.RULE_UNDECLARED)
    if isinstance(first, _PLAIN):
        plain: Record = _sum(records)
        return plain
    if not isinstance(first, _ADDITIVE):
        raise TypeError("fits and estimates of participants do not add up; use sites.each")
    sums = {name: _sum([getattr(record, name) for record in records]) for name in _SUMMED[type(first)]}
    return type(first)(**sums, n_intercepts=first.n_intercepts)


def _sum(parts: Sequence[Any]) -> Any:
    total = reduce(add, parts)
    return read_only(total) if isinstance(total, np.ndarray) else total


def _part(array: Array) -> int | float | Floats:
    if array.shape:
        values: Floats = to_numpy(array)  # type: ignore[assignment]  # the engine has checked the dtype against PARTS
        return values
    return int(array.scalar()) if array.dtype == "<i8" else array.scalar()
