"""How a file was read: what it is written in, and what had to be assumed. Every assumption is told to the owner of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.dialect import COMMA, NEWLINE, PLAIN, SEPARATORS, Dialect
from sandbox.gate.text import ENCODING_NAMES, UTF8

_MAX_NAMES: Final = 3
"""So many columns are named in one sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The form of one file. Columns are 1-based indices."""

    dialect: Dialect = PLAIN
    encoding: str = UTF8
    n_before: int = 0
    """Columns before the first of the contract (:class:`sandbox.gate.table.Layout`)."""
    preface: bytes = b""
    """What stood before the header: a byte order mark, a line that names the separator."""
    n_empty: int = 0
    """Lines without any value that were left out."""
    is_padded: bool = False
    """Whether empty fields behind the last column were left out."""
    n_trimmed: int = 0
    """Names that had blanks around them."""
    is_renamed: bool = False
    """Whether a name of the contract is written otherwise in the file."""
    with_comma: tuple[int, ...] = ()
    """Columns with a decimal comma."""
    grouped: tuple[int, ...] = ()
    """Columns with marked thousands."""
    coded: tuple[int, ...] = ()
    """Columns that are no numbers in the model and have leading zeros."""

    @property
    def marked(self) -> tuple[tuple[int, str], ...]:
        """The columns of the model whose numbers are not written plainly, with their decimal marks."""
        return tuple((index, "," if index in self.with_comma else ".") for index in sorted({*self.with_comma, *self.grouped}))

    @property
    def texts(self) -> tuple[int, ...]:
        """The columns that nobody should read as plain numbers."""
        return tuple(sorted({*self.coded, *self.with_comma, *self.grouped}))

    def notices(self, contract: Contract) -> Iterator[Finding]:
        """What was assumed, for the owner of the file."""
        if self.encoding != UTF8:
            yield _notice(Code.DATA_ENCODING, encoding=ENCODING_NAMES[self.encoding])
        if self.dialect.separator != COMMA:
            yield _notice(Code.DATA_SEPARATOR, separator=SEPARATORS[self.dialect.separator])
        if self.dialect.newline != NEWLINE:
            yield _notice(Code.DATA_LINE_ENDS)
        if self.n_empty:
            yield _notice(Code.DATA_EMPTY_LINES, found=self.n_empty)
        if self.is_padded:
            yield _notice(Code.DATA_PADDED)
        if self.n_trimmed:
            yield _notice(Code.DATA_NAMES_TRIMMED, found=self.n_trimmed)
        if self.n_before:
            yield _notice(Code.DATA_ROW_NAMES)
        for code, columns in ((Code.DATA_DECIMAL_COMMA, self.with_comma), (Code.DATA_THOUSANDS, self.grouped)):
            if columns:
                yield _notice(code, columns[0], columns=_named(columns, contract))

    def can_write(self, text: str) -> bool:
        """Whether the encoding of the file has all letters of a text."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    @property
    def in_words(self) -> str:
        """The form of the file, which is the form of a result."""
        decimals = "decimal commas" if self.with_comma else "decimal points"
        return f"{ENCODING_NAMES[self.encoding]}, cells separated by {SEPARATORS[self.dialect.separator]}, {decimals}"

    def as_dict(self, contract: Contract) -> dict[str, Any]:
        """As it stands in run.json."""
        return {
            "encoding": ENCODING_NAMES[self.encoding],
            "separator": self.dialect.separator_text,
            "decimal_commas": [contract.column(index).name for index in self.with_comma],
            "marked_thousands": [contract.column(index).name for index in self.grouped],
            "notices": [finding.sentence for finding in self.notices(contract)],
        }


def _notice(code: Code, column: int = 0, **details: str | int | float) -> Finding:
    return Finding(code, "notice", column, details)


def _named(columns: Sequence[int], contract: Contract) -> str:
    names = [repr(contract.column(index).name) for index in columns[:_MAX_NAMES]]
    rest = len(columns) - len(names)
    if rest:
        return f"{', '.join(names)} and {rest} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
