"""The numbers of a card for the owner of the rows: as the API answers them, and arranged part by part for a page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from pydantic import BaseModel

from sandbox.contract import Contract
from sandbox.statement import meaning_of, title_of
from sandbox.wire.values import Array, Record

INTERCEPT: Final = "intercept"
WHOLE: Final = 1e5
"""From here on digits after the point tell a person nothing."""
LONG: Final = 1e12
Numbers = int | float | list[int] | list[float] | list[list[float]]


@dataclass(frozen=True, slots=True)
class CardNumbers:
    """The fields of a card, sums in raw units, and the contract that names its columns."""

    contract: Contract
    fields: dict[str, Record]


class CardNumbersView(BaseModel):
    """A card as it leaves, sums in raw units and fits in standard deviations.

    `columns` names rows and columns of each Gram, whose last one is the intercept. `fields` holds the parts of each field as nested lists:
    `card` is about all rows, `fit.N` about target N (1-based index).
    """

    columns: list[str]
    fields: dict[str, dict[str, Numbers]]

    @classmethod
    def of(cls, card: CardNumbers) -> Self:
        """The view of a card."""
        fields = {name: {part: array.nested() for part, array in record.items()} for name, record in card.fields.items()}
        return cls(columns=_names(card.contract), fields=fields)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers under headings; each row begins with its name."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_wide(self) -> bool:
        """Whether this is a matrix, which cannot be read as a list."""
        return len(self.headings) > 3


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card on its page."""

    title: str
    meaning: str
    table: Table


def sections(card: CardNumbers) -> list[Section]:
    """The parts of a card, in the order in which they are sent."""
    return [section for name, record in card.fields.items() for section in _sections_of(card.contract, name, record)]


def _sections_of(contract: Contract, name: str, record: Record) -> Iterator[Section]:
    kind, _, index = name.partition(".")
    column = contract.column(int(index)).name if index else ""
    columns = _names(contract)
    match kind:
        case "card":
            yield _section("rows", "", Table(("Number",), (("rows", (number(record["n"].scalar()),)),)))
            yield _section("n_observed", "", _vectors(columns, Rows=record["n_observed"]))
            if two_valued := _two_valued(columns, record["levels"]):
                yield _section("levels", "", Table(("Lower", "Higher"), two_valued))
            yield _section("gram", "", _lower_triangle([*columns, INTERCEPT], record["gram"]))
        case "gram":
            yield _section("gram.exact", column, _lower_triangle([*columns, INTERCEPT], record["gram"]))
        case "fit":
            yield _section(kind, column, _vectors(_design(contract, int(index)), Coefficient=record["beta"], Weight=record["information"]))
        case "selection":
            names = [f"θ {place}" for place in range(1, record["theta"].size + 1)]
            yield _section("selection.theta", column, _vectors(names, Coefficient=record["theta"]))
            yield _section("selection.information", column, _lower_triangle(names, record["information"]))


def _section(what: str, column: str, table: Table) -> Section:
    return Section(title_of(what, column), meaning_of(what, column), table)


def _names(contract: Contract) -> list[str]:
    return [contract.column(index).name for index in contract.model]


def _design(contract: Contract, target: int) -> list[str]:
    return [*(contract.column(index).name for index in contract.design(target)), INTERCEPT]


def _vectors(names: Sequence[str], **vectors: Array) -> Table:
    """Vectors of one length side by side, under their names."""
    values = [array.numbers() for array in vectors.values()]
    rows = tuple((name, tuple(number(found[place]) for found in values)) for place, name in enumerate(names))
    return Table(tuple(vectors), rows)


def _two_valued(names: Sequence[str], levels: Array) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The values of the columns that have two; of any other column a card says 0 and 0."""
    found = zip(names, levels.rows(), strict=True)
    return tuple((name, (number(low), number(high))) for name, (low, high) in found if low != high)


def _lower_triangle(names: Sequence[str], matrix: Array) -> Table:
    """A symmetric matrix, each of its numbers once."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    for place, (name, values) in enumerate(zip(names, matrix.rows(), strict=True)):
        empty = ("",) * (len(names) - place - 1)
        rows.append((name, (*map(number, values[: place + 1]), *empty)))
    return Table(tuple(names), tuple(rows))


def number(value: float) -> str:
    """A number for people: six digits, and whole numbers as they are."""
    return f"{value:,.0f}" if WHOLE <= abs(value) < LONG else f"{value:,.6g}"
