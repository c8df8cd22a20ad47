"""A site's answers to the three built-in questions of a blind pair: margins, the card, and the scores at common points that are due.

Each is asked once. What is answered was made before anything was asked, but for the score at a point, and a point has one answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from policies import Policy
from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError
from sandbox.gate.card import Card, Wants
from sandbox.gate.guard import Guard, Refusal
from sandbox.gate.kernels import Answer
from sandbox.gate.release import Field, Origin, Part, Release, make_record, release
from sandbox.gate.rows import Matrix
from sandbox.gate.stated_selection import SelectionWanted
from sandbox.manifest import CARD, CARD_PARTS, CARD_STEP, PARTS, POINT_STEP, RESERVED_STEP, Parts
from sandbox.wanted import Wanted
from sandbox.wire.messages import CardLine, MakeCard, RunRound, StepCall
from sandbox.wire.values import Array, Record, Value

BETA: Final = "beta."
"""Arguments of the question for points: the coefficients at which the score of a target is asked."""


class Stating:
    """What a site states. Raises :class:`PeerError` for anything else, and for anything out of turn."""

    def __init__(self, card: Card, declared: Declarations, policy: Policy, guard: Guard) -> None:
        self._card = card
        self._declared = declared
        self._policy = policy
        self._guard = guard
        self._stated: list[str] = []
        """The steps that were answered."""

    @property
    def has_stated(self) -> bool:
        """Whether the card has left."""
        return CARD_STEP in self._stated

    def answer(self, origin: Origin, message: RunRound) -> Release:
        """Answer one of the three questions."""
        if len(message.chains) != 1 or message.chains[0].chain != 0 or len(message.chains[0].calls) != 1:
            raise PeerError(Code.GATE_PROTOCOL)
        (call,) = message.chains[0].calls
        self._guard.open_round()
        part = Part(0, [{"step": call.step}])
        try:
            part.fields = self._fields(call)
        except Refusal as refusal:
            part.fields, part.refusal = {}, refusal
        self._stated.append(call.step)
        return release(origin, message.number, [part], self._guard.verdicts, self._policy.max_frame_bytes)

    def shown(self) -> dict[str, Record]:
        """The fields of the card as its owner may read them, in raw units."""
        n_columns = self._declared.extent("c")
        stated = self._card.stated(np.zeros(n_columns), np.ones(n_columns))
        return {name: self._field(name, parts).record for name, parts in stated.items()}

    def _fields(self, call: StepCall) -> dict[str, Field]:
        before = {RESERVED_STEP: [], CARD_STEP: [RESERVED_STEP], POINT_STEP: [RESERVED_STEP, CARD_STEP]}
        if call.is_tell or self._stated != before.get(call.step):
            raise PeerError(Code.GATE_PROTOCOL)
        match call.step:
            case "margins":
                if call.request:
                    raise PeerError(Code.RULE_UNDECLARED)
                answer = self._card.margins()
                # Without errors they are of other rows than the card; else the card's own numbers.
                n_new = 2 * self._declared.extent("c") if self._card.is_exact else 0
                return {RESERVED_STEP: self._made(RESERVED_STEP, answer, PARTS["margins"], n_new)}
            case "card":
                centre, scale = self._units(call.request)
                return {name: self._field(name, parts) for name, parts in self._card.stated(centre, scale).items()}
            case _:
                points = {_target(name): self._vector(value) for name, value in call.request.items()}
                return {f"point.{target}": self._field("point", self._card.score(target, beta)) for target, beta in points.items()}

    def _units(self, request: Mapping[str, Value]) -> tuple[Matrix, Matrix]:
        if request.keys() != {"centre", "scale"}:
            raise PeerError(Code.RULE_UNDECLARED)
        centre, scale = self._vector(request["centre"]), self._vector(request["scale"])
        if not (scale > 0).all():
            raise Refusal(Code.RULE_NOT_FINITE)
        return centre, scale

    def _vector(self, value: Value) -> Matrix:
        """An argument with a number for each column in the model."""
        if not isinstance(value, Array) or value.dtype != "<f8" or value.shape != (self._declared.extent("c"),):
            raise PeerError(Code.RULE_UNDECLARED)
        if not value.is_finite:
            raise Refusal(Code.RULE_NOT_FINITE)
        return np.frombuffer(value.data)

    def _field(self, name: str, parts: Mapping[str, npt.NDArray[np.generic]]) -> Field:
        kind = name.partition(".")[0]
        # Where a point is was asked; new are the gradient and the information there.
        n_new = 2 * self._declared.extent("c") if kind == "point" else n_different(self._card).get(name, 0)
        return self._made(kind, Answer("margins", 0, parts, {}), CARD_PARTS[kind], n_new)

    def _made(self, kind: str, answer: Answer, parts: Parts, n_new: int) -> Field:
        return Field(kind, make_record(answer, parts, self._policy, self._declared.extents), n_new)


def n_different(card: Card) -> dict[str, int]:
    """How many different numbers each field of a card holds: the ledger counts what the owner reads before Start."""
    counts = Counter[str]()
    for line in card.table():
        kind = line.what.partition(".")[0]
        counts[f"{kind}.{line.target}" if line.target else CARD] += line.n_numbers
    return counts


def _target(argument: str) -> int:
    """The target that an argument of the question for points is about."""
    if not argument.startswith(BETA) or not argument.removeprefix(BETA).isdecimal():
        raise PeerError(Code.RULE_UNDECLARED)
    return int(argument.removeprefix(BETA))


def wants_of(wanted: Wanted, contract: Contract, message: MakeCard) -> Wants:
    """What a job wants, as the card takes it, and what the life of the file leaves it."""
    points = {target: np.frombuffer(beta.data) for target, beta in message.points.items()}
    if wanted.selection is None:
        return Wants(wanted.fits, (), message.answers_points, points)
    target, exclusion = wanted.selection.target, wanted.selection.exclusion
    family: Literal["gaussian", "binomial"] = "binomial" if contract.column(target).is_binary else "gaussian"
    return Wants(wanted.fits, (SelectionWanted(target, exclusion, family),), message.answers_points, points)


def lines_of(card: Card, contract: Contract) -> tuple[CardLine, ...]:
    """The card as its owner reads it."""
    return tuple(
        CardLine(line.what, contract.column(line.target).name if line.target else "", line.shape, line.n_numbers, line.error)
        for line in card.table()
    )
