"""`sites`, the second argument of `impute(job, sites)`: ask all participants, ask central alone, tell.

The requests are checked against the manifest before they are sent; the host checks them again. Replies come in one order, central first and
then by site_id, after all participants have answered; they are added up here, in that order, and nowhere else.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sandbox.declared import Declarations
from sandbox.errors import Refused
from sandbox.wire.messages import Ask, Tell
from sandbox.wire.values import Record as WireRecord
from sandbox.wire.values import Value
from sandbox.worker.arrays import from_numpy
from sandbox.worker.channel import Line
from sandbox.worker.records import Record, read, total

Argument: TypeAlias = bool | int | float | npt.ArrayLike
Reply: TypeAlias = dict[str, Record]


class Sites:
    """The participants of a job, central included, as a pair's central module sees them."""

    __slots__ = ("_declared", "_last_target", "_line", "_n_intercepts")

    def __init__(self, line: Line, declared: Declarations, n_intercepts: int) -> None:
        self._line = line
        self._declared = declared
        self._n_intercepts = n_intercepts
        self._last_target = 0

    def sum(self, step: str, **request: Argument) -> Reply:
        """Ask every participant and add up: field → aggregate.

        Raises:
            Refused: a site refused; raised after all have answered.
            PeerError: the manifest does not declare this step with these arguments.
        """
        replies = self._ask("all", step, request)
        return {field: total([reply[field] for reply in replies]) for field in self._declared.step(step).reply}

    def each(self, step: str, **request: Argument) -> list[Reply]:
        """Ask every participant: one reply each, central first, then in site_id order. Raises as :meth:`sum`."""
        return self._ask("all", step, request)

    def central(self, step: str, **request: Argument) -> Reply:
        """Ask central's own rows only. Raises as :meth:`sum`."""
        (reply,) = self._ask("central", step, request)
        return reply

    def tell(self, step: str, **request: Argument) -> None:
        """Tell every participant, without an answer; travels with the next question, which fails if a site refuses what it was told."""
        self._line.note(Tell(step, self._check(step, request)))

    def last_target(self) -> int:
        """1-based index of the target that was asked about last, 0 before the first. For the runner; pairs are not offered it."""
        return self._last_target

    def _ask(self, mode: str, step: str, request: dict[str, Argument]) -> list[Reply]:
        values = self._check(step, request)
        answer = self._line.ask(Ask("all" if mode == "all" else "central", step, values))
        if answer.refused is not None:
            raise Refused(answer.refused_by, answer.refused)
        return [self._read(step, fields) for fields in answer.replies]

    def _read(self, step: str, fields: dict[str, WireRecord]) -> Reply:
        # The engine has held the fields to the manifest: what a worker trusts is its host.
        return {name: read(field.kind, fields[name], self._n_intercepts) for name, field in self._declared.step(step).reply.items()}

    def _check(self, step: str, request: dict[str, Argument]) -> dict[str, Value]:
        declared = self._declared.step(step).request
        values = {name: _value(value, is_array=name in declared and bool(declared[name].shape)) for name, value in request.items()}
        self._declared.check_request(step, values)
        for name, field in declared.items():
            target = values[name]
            if field.type == "column" and isinstance(target, int):
                self._last_target = target
        return values


def _value(value: Argument, *, is_array: bool) -> Value:
    """`value` as it travels: NumPy scalars become Python numbers. Raises :class:`TypeError` for anything that is not a number."""
    if is_array:
        return from_numpy(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError("an argument of a step is a number or, where the manifest gives a shape, an array")
