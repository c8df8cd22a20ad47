"""The data contract: names, order, roles, types and levels of the columns, and the tokens read as missing.

Central's gate completes a draft at central's own upload (default roles, levels of binary targets); from then on the contract is frozen
and every site's CSV is checked against it, column by column, before Start. Nothing here holds a value of a row except the two levels of
a binary target.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final, Literal

import msgspec

from sandbox.errors import Code, describe

Role = Literal["target", "predictor", "ignored"]
TargetType = Literal["continuous", "binary"]
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
    """One column. `role` is None only in a draft, until central's data decide; `levels` map to 0 and 1."""

    name: str
    role: Role | None = None
    type: TargetType | None = None
    levels: tuple[str, str] | None = None

    @property
    def is_binary(self) -> bool:
        """Whether this is a binary target."""
        return self.type == "binary"


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns in file order. Column indices are 1-based everywhere outside NumPy code."""

    columns: tuple[Column, ...]
    missing: tuple[str, ...] = DEFAULT_MISSING

    @property
    def is_frozen(self) -> bool:
        """Whether every role and level is decided."""
        return all(column.role is not None and (not column.is_binary or column.levels is not None) for column in self.columns)

    @property
    def digest(self) -> str:
        """SHA-256 of the contract, in hexadecimal."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()

    @property
    def targets(self) -> tuple[int, ...]:
        """Indices of the targets, in file order."""
        return tuple(index for index, column in enumerate(self.columns, 1) if column.role == "target")

    @property
    def model(self) -> tuple[int, ...]:
        """Indices of the columns in the model (targets and predictors), in file order."""
        return tuple(index for index, column in enumerate(self.columns, 1) if column.role in ("target", "predictor"))

    def column(self, index: int) -> Column:
        """The column with a 1-based index."""
        return self.columns[index - 1]

    def design(self, target: int) -> tuple[int, ...]:
        """Indices of the columns that predict `target`, in file order; the intercepts come after them."""
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


def order_levels(levels: tuple[str, str]) -> tuple[str, str]:
    """Two levels in the order 0, 1: by number when both are numbers, else by text."""
    first, second = sorted(levels, key=(float if all(NUMBER.match(level) for level in levels) else str))
    return first, second


def _header_finding(code: Code, position: int, found: str, expected: str) -> Finding:
    return Finding(code, column=position, details={"position": position, "found": found, "expected": expected})
