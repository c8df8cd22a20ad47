"""Is this question, is this answer, what the manifest declares? One check for the pair's runner, the round engine and the gate. Pure.

Shapes depend on columns, never on rows, in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from sandbox.contract import Contract
from sandbox.errors import Code, PeerError
from sandbox.manifest import CARD, CARD_PARTS, PARTS, RESERVED_STEP, Manifest, Parts, ReplyField, RequestField, Step
from sandbox.wire.messages import StepCall
from sandbox.wire.values import Array, Record, Value

LARGEST: Final = 1e150
"""Of a sum of squares: constants made of such sums are finite."""
SLACK: Final = 1e-6
"""By what share Σx may exceed what Σx² allows: both are rounded."""


class _Shapes(dict[tuple[str, ...], tuple[int, ...]]):
    """Shapes by their symbols, each worked out once: a round of a job asks for dozens."""

    def __init__(self, extents: Mapping[str, int]) -> None:
        super().__init__()
        self._extents = extents

    def __missing__(self, symbols: tuple[str, ...]) -> tuple[int, ...]:
        shape = self[symbols] = tuple(self._extents[symbol] for symbol in symbols)
        return shape


class Declarations:
    """A manifest and a frozen contract, as a check list.

    `q` = coefficients of a design, `c` = columns in the model, `t` = coefficients of a selection model, `k` = targets. On a card there is
    no intercept of central's: `d` = c + 1, `s` = coefficients of a selection model without it.
    """

    def __init__(self, manifest: Manifest, contract: Contract, central_intercept: bool) -> None:
        self._steps = manifest.steps
        self._targets = frozenset(contract.targets)
        self._target_names = frozenset(map(str, contract.targets))
        self._predictors = frozenset(contract.model) - self._targets
        self._is_binary = [contract.column(index).is_binary for index in contract.model]
        q = contract.n_coefficients(central_intercept)
        c = len(contract.model)
        self.extents = {"q": q, "c": c, "t": 2 * q + 1, "k": len(contract.targets), "d": c + 1, "s": 2 * c + 1, "2": 2}
        self._shapes = _Shapes(self.extents)

    def extent(self, symbol: str) -> int:
        """How many `q`, `c` or `t` are here."""
        return self.extents[symbol]

    def fewest_numbers(self, step: Step) -> int:
        """How many different numbers a reply has at least: of a square field one half, for it may be symmetric."""
        return sum(self._fewest(field) for field in step.reply.values())

    def _fewest(self, field: ReplyField) -> int:
        n_numbers = math.prod(self.extents[symbol] for symbol in field.shape)
        is_square = len(field.shape) > 1 and len(set(field.shape)) == 1
        return (n_numbers + math.isqrt(n_numbers)) // 2 if is_square else n_numbers

    def step(self, name: str) -> Step:
        """The declaration of a step. Raises :class:`PeerError` when there is none."""
        step = self._steps.get(name)
        if step is None:
            raise PeerError(Code.RULE_UNDECLARED)
        return step

    def targets(self, call: StepCall) -> tuple[int, ...]:
        """The targets (1-based indices) that a checked call is about."""
        named = (call.request[name] for name, field in self.step(call.step).request.items() if field.type == "column")
        return tuple(index for index in named if isinstance(index, int))

    def check_request(self, name: str, request: Mapping[str, Value]) -> None:
        """Raise :class:`PeerError` unless the arguments are the declared ones: names, types, shapes, finite."""
        declared = self.step(name).request
        if request.keys() != declared.keys():
            raise PeerError(Code.RULE_UNDECLARED)
        for argument, value in request.items():
            self._check_value(declared[argument], value)

    def check_reply(self, name: str, fields: Mapping[str, Record]) -> None:
        """Raise :class:`PeerError` unless the fields are the declared ones, each with the parts of its kernel, finite."""
        declared = self.step(name).reply
        if fields.keys() != declared.keys():
            raise PeerError(Code.RULE_UNDECLARED)
        for field, record in fields.items():
            self.check_record(declared[field].parts, record)

    def check_record(self, parts: Parts, record: Record) -> None:
        """Raise :class:`PeerError` unless `record` has exactly these parts."""
        if record.keys() != parts.keys():
            raise PeerError(Code.RULE_UNDECLARED)
        for part, (dtype, symbols) in parts.items():
            value = record[part]
            if value.dtype != dtype or value.shape != self._shapes[symbols]:
                raise PeerError(Code.RULE_UNDECLARED)
            if not value.is_finite:
                raise PeerError(Code.RULE_NOT_FINITE)

    def check_margins(self, record: Record) -> None:
        """Raise :class:`PeerError` unless these are `margins`, and of some rows: the constants of the whole job are made of them."""
        self.check_record(PARTS[RESERVED_STEP], record)
        columns = zip(*(record[part].numbers() for part in ("n", "total", "total_squares")), self._is_binary, strict=True)
        for n, total, squares, is_binary in columns:
            # |Σx|² ≤ n Σx²; zeros and ones add up to no more than there are.
            is_possible = n >= 0 and 0 <= squares <= LARGEST and abs(total) <= math.sqrt(n * squares) * (1.0 + SLACK)
            if not is_possible or (is_binary and not 0 <= total <= n):
                raise PeerError(Code.CARD_IMPOSSIBLE)

    def check_card(self, fields: Mapping[str, Record], *, is_point: bool = False) -> None:
        """Raise :class:`PeerError` unless these are fields of a card: the one about all rows, or only points, and known ones of targets."""
        if is_point is (CARD in fields):
            raise PeerError(Code.RULE_UNDECLARED)
        for name, record in fields.items():
            kind, _, target = name.partition(".")
            is_known = name == CARD or (kind in CARD_PARTS and target in self._target_names and (kind == "point") is is_point)
            if not is_known:
                raise PeerError(Code.RULE_UNDECLARED)
            self.check_record(CARD_PARTS[kind], record)

    def _check_value(self, field: RequestField, value: Value) -> None:
        if field.shape:
            if not isinstance(value, Array) or value.dtype != "<f8" or value.shape != self._shapes[field.shape]:
                raise PeerError(Code.RULE_UNDECLARED)
            if not value.is_finite:
                raise PeerError(Code.RULE_NOT_FINITE)
            return
        if isinstance(value, bool) is not (field.type == "bool") or not isinstance(value, int | float):
            raise PeerError(Code.RULE_UNDECLARED)
        if field.type in ("column", "predictor", "int") and not isinstance(value, int):
            raise PeerError(Code.RULE_UNDECLARED)
        if (field.type == "column" and value not in self._targets) or (field.type == "predictor" and value not in self._predictors):
            raise PeerError(Code.RULE_UNDECLARED)
        if not math.isfinite(value):
            raise PeerError(Code.RULE_NOT_FINITE)
