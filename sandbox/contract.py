"""The data contract: names, order, roles, types and levels of the columns, and the tokens read as missing.

Central's gate completes a draft at central's own upload (default roles, levels of binary targets); from then on the contract is frozen
and every site's CSV is checked against it, column by column, before Start. Nothing here holds a value of a row except the two levels of
a binary target.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import Final, Literal, TypeAlias

import msgspec

from sandbox.errors import Code, describe

Role = Literal["target", "predictor", "ignored"]
ColumnType = Literal["continuous", "binary", "categorical", "ordinal", "count", "id", "date"]
"""`id` and `date` are recognised in central's file, and left out."""
LevelKey: TypeAlias = float | str
MIN_LEVELS: Final = 3
MAX_LEVELS: Final = 25
"""Of a categorical or ordinal column. One of two levels is binary."""
DEFAULT_MISSING: Final = ("", "NA", "NaN", "N/A", "#N/A", "NULL", ".")
"""What is read as missing in every job that does not say otherwise. Words such as none, and a dash, are levels to many."""
RESERVED: Final = (".imp", ".id")
NUMBER: Final = re.compile(r"[ \t]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t]*\Z", re.ASCII)
"""The text of a number: what a cell of a predictor or continuous target must look like."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was found before Start. `stop` blocks Start, `notice` informs. `details` never leave the site."""

    code: Code
    severity: Literal["stop", "notice"] = "stop"
    column: int = 0
    """1-based index, 0 when no column is meant."""
    details: dict[str, str | int | float] = {}

    @property
    def sentence(self) -> str:
        """What was found, for a person at the site."""
        return describe(self.code, dict(self.details))

    def outward(self) -> Finding:
        """The finding as the other side may see it: code and column, no details."""
        return Finding(self.code, self.severity, self.column)


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column. `role` is None only in a draft, until central's data decide."""

    name: str
    role: Role | None = None
    type: ColumnType | None = None
    """None of a predictor whose cells are numbers, and of what is left out."""
    levels: tuple[str, ...] | None = None
    """In order; of a binary column they are 0 and 1."""
    reference: int = 0
    """Which of the levels of a predictor has no indicator."""
    missing: tuple[str, ...] = ()
    """Tokens read as missing in this column alone, besides those of the contract."""
    why: str = ""
    """Why central's file left the column out, or how it was read: words for people."""

    @property
    def is_binary(self) -> bool:
        """Whether this is a binary target."""
        return self.is_coded and self.role == "target"

    @property
    def is_coded(self) -> bool:
        """Whether its cells are 0 and 1 wherever it is: a binary target or predictor, or an indicator."""
        return self.type == "binary"

    @property
    def has_levels(self) -> bool:
        """Whether its cells are levels and not numbers."""
        return self.type in ("binary", "categorical", "ordinal")

    @property
    def is_block(self) -> bool:
        """Whether it is in models by its indicators."""
        return self.role == "predictor" and self.type in ("categorical", "ordinal")


class Indicator(msgspec.Struct, frozen=True):
    """A column of zeros and ones: who has one level of a predictor."""

    of: int
    """1-based index of the predictor."""
    level: int
    """Its place among the predictor's levels."""
    name: str


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Columns in file order. Column indices are 1-based everywhere outside NumPy code."""

    columns: tuple[Column, ...]
    missing: tuple[str, ...] = DEFAULT_MISSING

    @property
    def is_frozen(self) -> bool:
        """Whether every role and level is decided."""
        return all(
            column.role is not None and (column.role == "ignored" or not column.has_levels or _are_levels(column))
            for column in self.columns
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the contract, in hexadecimal."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()

    @cached_property
    def targets(self) -> tuple[int, ...]:
        """Indices of the targets, in file order."""
        return tuple(index for index, column in enumerate(self.columns, 1) if column.role == "target")

    @cached_property
    def indicators(self) -> dict[int, Indicator]:
        """The indicators by their indices, which follow those of the file's columns."""
        names, found = {column.name for column in self.columns}, []
        for of, column in enumerate(self.columns, 1):
            for level, text in enumerate(column.levels or ()) if column.is_block else ():
                if level == column.reference:
                    continue
                name = f"{column.name} = {text}"
                while name in names:
                    name += "'"
                names.add(name)
                found.append(Indicator(of, level, name))
        return dict(enumerate(found, len(self.columns) + 1))

    @cached_property
    def blocks(self) -> dict[int, tuple[int, ...]]:
        """By the index of each predictor with indicators, theirs, in the order of its levels without the reference."""
        blocks: dict[int, tuple[int, ...]] = {}
        for index, indicator in self.indicators.items():
            blocks[indicator.of] = (*blocks.get(indicator.of, ()), index)
        return blocks

    @cached_property
    def model(self) -> tuple[int, ...]:
        """Indices of the columns in the model: targets and predictors in file order, then the indicators."""
        alone = (index for index, column in enumerate(self.columns, 1) if column.role in ("target", "predictor") and not column.is_block)
        return (*alone, *self.indicators)

    def column(self, index: int) -> Column:
        """The column of the file, or the indicator, with a 1-based index."""
        if index <= len(self.columns):
            return self.columns[index - 1]
        return Column(self.indicators[index].name, "predictor", "binary", ("0", "1"))

    def read_from(self, index: int) -> int:
        """The column of the file that a column of the model is made of."""
        return index if index <= len(self.columns) else self.indicators[index].of

    def tokens(self, index: int) -> tuple[str, ...]:
        """What is read as missing in a column of the file."""
        return tuple(dict.fromkeys((*self.missing, *self.columns[index - 1].missing)))

    def design(self, target: int) -> tuple[int, ...]:
        """Indices of the columns that predict `target`, in the order of the model; the intercepts come after them."""
        return tuple(index for index in self.model if index != target)

    def n_coefficients(self, central_intercept: bool) -> int:
        """q: coefficients of every target's design, both intercepts included."""
        return len(self.model) + int(central_intercept)

    def check_header(self, names: list[str]) -> list[Finding]:
        """Findings for a header that should be this contract's: one per column that does not match."""
        expected = [column.name for column in self.columns]
        if names == expected:
            return []
        found_names, expected_names = set(names), set(expected)
        missing = [name for name in expected if name not in found_names]
        extra = [name for name in names if name not in expected_names]
        if not missing and not extra and len(names) == len(expected):
            position = next(i for i, (found, wanted) in enumerate(zip(names, expected, strict=True), 1) if found != wanted)
            return [_header_finding(Code.DATA_HEADER_ORDER, position, names[position - 1], expected[position - 1])]
        if len(missing) == len(extra) and len(names) == len(expected):
            return [
                _header_finding(Code.DATA_HEADER_MISMATCH, position, found, wanted)
                for position, (found, wanted) in enumerate(zip(names, expected, strict=True), 1)
                if found != wanted
            ]
        findings = [Finding(Code.DATA_COLUMN_MISSING, column=expected.index(name) + 1, details={"column": name}) for name in missing]
        return findings + [Finding(Code.DATA_COLUMN_EXTRA, details={"column": name}) for name in extra]


def plain_name(name: str) -> str:
    """A column name as it is compared: blanks around it and ways to compose a letter make no other name."""
    return unicodedata.normalize("NFC", name.strip())


def check_names(names: list[str]) -> list[Finding]:
    """Findings for a header on its own: names that are numbers, empty, reserved or doubled."""
    findings = []
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        if not name.strip() or NUMBER.match(name):
            findings.append(Finding(Code.DATA_HEADER_LOOKS_LIKE_DATA, column=position, details={"position": position}))
        elif name in RESERVED:
            findings.append(Finding(Code.DATA_HEADER_RESERVED, column=position, details={"column": name}))
        elif name in seen:
            findings.append(Finding(Code.DATA_HEADER_DUPLICATE, column=position, details={"column": name}))
        seen.add(name)
    return findings


def level_key(text: str) -> LevelKey:
    """What levels are compared by: numbers by value, so that "1" and "1.0" are one level, other texts as they are."""
    return float(text) if NUMBER.match(text) else text


def order_levels(levels: Sequence[str]) -> tuple[str, ...]:
    """Levels in their default order: by number when all are numbers, else by code point."""
    return tuple(sorted(levels, key=(float if all(NUMBER.match(level) for level in levels) else str)))


def _are_levels(column: Column) -> bool:
    """Whether a column has as many different levels as its type may have, and a reference among them."""
    levels = column.levels or ()
    allowed = (2, 2) if column.type == "binary" else (MIN_LEVELS, MAX_LEVELS)
    return allowed[0] <= len({level_key(text) for text in levels}) == len(levels) <= allowed[1] and 0 <= column.reference < len(levels)


def _header_finding(code: Code, position: int, found: str, expected: str) -> Finding:
    return Finding(code, column=position, details={"position": position, "found": found, "expected": expected})
