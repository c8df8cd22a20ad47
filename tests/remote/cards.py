"""A card as a site's gate would state it, without a gate: for tests of what its owner is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sandbox.contract import Column, Contract
from sandbox.errors import TidegateError
from sandbox.job import JobSpec, Target
from sandbox.wire.link import JobOffer
from sandbox.wire.messages import CardLine, LifeNote, UploadReport
from sandbox.wire.values import Array, Record, floats
from tests.remote.offers import offer

BINARY = 3
"""1-based index of the binary target."""
LIFE = LifeNote(version=2, n_numbers=212, n_left=1_788, n_points=0, ends="2031-11-29", column="age")


def contract_of(n_columns: int = 4) -> Contract:
    """Two predictors, a binary and a continuous target, and further predictors with long names."""
    first = (
        Column("age", "predictor"),
        Column("sex", "predictor"),
        Column("stroke", "target", "binary", ("0", "1")),
        Column("chol", "target", "continuous"),
    )
    return Contract(first + tuple(Column(f"laboratory_value_{number}", "predictor") for number in range(5, n_columns + 1)))


def card_lines(contract: Contract, error: float = 1.0) -> tuple[CardLine, ...]:
    """The table of a card, as `sandbox.gate.card` makes it."""
    c = len(contract.model)
    return (
        CardLine("rows", "", (), 1, 0.0),
        CardLine("n_observed", "", (c,), c, error),
        CardLine("levels", "", (c, 2), 4, 0.0),
        CardLine("gram", "", (c + 1, c + 1), (c + 1) * (c + 2) // 2 - 3, error),
        CardLine("fit.beta", contract.column(BINARY).name, (c,), c, error),
        CardLine("fit.information", contract.column(BINARY).name, (c,), c, error),
    )


def report_of(contract: Contract, life: LifeNote | None = LIFE, error: float = 1.0) -> UploadReport:
    """A clean upload whose card was made."""
    return UploadReport(contract=contract, n_rows=640, card=card_lines(contract, error), life=life)


def offer_of(contract: Contract, **changes: Any) -> JobOffer:
    """A blind job over these columns."""
    spec = JobSpec((Target("stroke", "binary"), Target("chol", "continuous")), seed=7, imputations=2)
    return offer(**{"contract": contract, "spec": spec, **changes})


def fields_of(contract: Contract) -> dict[str, Record]:
    """Fields as a gate shows them: each number of the Gram tells its place, row.column."""
    c = len(contract.model)
    gram = [max(row, column) + min(row, column) / 100 for row in range(1, c + 2) for column in range(1, c + 2)]
    levels = [value for index in range(1, c + 1) for value in ((1.0, 2.0) if index == 2 else (0.0, 1.0) if index == BINARY else (0.0, 0.0))]
    return {
        "card": {
            "n": _whole(640),
            "n_observed": floats(640.0 - index for index in range(c)),
            "levels": floats(levels, (c, 2)),
            "gram": floats(gram, (c + 1, c + 1)),
            "is_exact": _whole(0),
        },
        f"fit.{BINARY}": {
            "n": floats([600.25], ()),
            "beta": floats(0.125 * index for index in range(c)),
            "information": floats(1234567.5 + index for index in range(c)),
        },
    }


class FakeGate:
    """The participant of a site that has made a card."""

    processes: Sequence[Any] = ()

    def __init__(self, fields: dict[str, Record], error: TidegateError | None = None) -> None:
        self.fields = fields
        self.error = error
        self.is_wiped = False
        self.n_asked = 0

    async def show_card(self) -> dict[str, Record]:
        """The fields, or why there are none."""
        self.n_asked += 1
        if self.error is not None:
            raise self.error
        return self.fields

    async def wipe(self) -> None:
        """Nothing is there to be overwritten."""
        self.is_wiped = True


def with_life(**changes: Any) -> LifeNote:
    """A life that differs from the usual one."""
    return msgspec.structs.replace(LIFE, **changes)


def _whole(number: int) -> Array:
    return Array("<i8", (), number.to_bytes(8, "little", signed=True))
