"""What a column is that the job does not tell, from central's cells: a predictor of numbers or of levels, or nothing for a model. Pure.

Left out by default, and named with the reason: identifiers, dates, texts of more levels than a predictor may have, columns that are the
same on every row, and columns of texts with missing cells, whose rows no model could use. A stray word among numbers is an error of its
cell and not another kind of column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.contract import MAX_LEVELS, Column, ColumnType, Role

Values = npt.NDArray[np.float64]
DATE: Final = re.compile(
    r"\s*(\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"
    r"|\d{1,2}\.\d{1,2}\.(\d{4}|\d{2})|\d{1,2}/\d{1,2}/(\d{4}|\d{2}))\s*\Z",
    re.ASCII,
)
"""ISO, day.month.year, month/day/year."""
TIME: Final = re.compile(r"\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([ap]m\s*)?\Z", re.ASCII | re.I)
"""Of a day."""
MARKED_NUMBER: Final = re.compile(r"\s*([<>≤≥~]?\s*[€$£¥]?)\s*[+−-]?\d[\d.,]*\s*([%€$£¥]|[^\W\d_][\w/^²³·]{0,11})?\s*\Z")
"""A number, perhaps with a sign of comparison or a currency before it, or a percent sign, a currency or a unit behind it."""
MAX_MARKS: Final = 3
"""A column is measured in one unit or a few; the letters of identifiers are many."""
ID_NAME: Final = re.compile(
    r"(?:.*[\W_])?(?:id|ids|pid|uid|uuid|mrn|nr|no|key|case|index|rownum|row)(?:[\W_].*)?\Z|.*[a-z]ID\Z|X\Z|Unnamed: 0\Z", re.I
)
"""Of a column that numbers people or rows. R and pandas write their row numbers as "X" and "Unnamed: 0"."""
LONG_CODE, LONGEST_CODE = 1e15, 1e22
"""Whole numbers of 16 to 22 digits are nothing that was measured, and are kept as no number can be."""
MIN_ROWS: Final = 10
"""Of fewer rows nothing says that cells are numbers of rows."""
ROWS_PER_CODE: Final = 5
FEW_CODES: Final = 6
"""Whole numbers of no more values than this may be codes."""
NUMBERS: Final = "every value is a number"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column is taken for."""

    role: Role
    type: ColumnType | None
    why: str

    @property
    def is_left_out(self) -> bool:
        """Whether no model has it."""
        return self.role == "ignored"

    def of(self, column: Column) -> Column:
        """The column with it."""
        return Column(column.name, self.role, self.type, missing=column.missing, why=self.why)


def _left_out(why: str, type_: ColumnType | None = None) -> Verdict:
    return Verdict("ignored", type_, why)


def recognise_numbers(name: str, values: Values, *, is_padded: bool) -> Verdict:
    """A column whose cells are numbers. `values`: NaN where missing, shape (rows,); `is_padded`: some are written with leading zeros."""
    observed = values[~np.isnan(values)]
    if not len(observed):
        return _left_out("it has no value")
    if _numbers_rows(name, observed, len(values)):
        return _left_out("it numbers the rows or the people", "id")
    whole = observed == np.rint(observed)
    if LONG_CODE <= np.abs(observed).max() < LONGEST_CODE and whole.all():
        return _left_out("its whole numbers have more than 15 digits, as codes have", "id")
    if is_padded:
        return _left_out("its numbers have leading zeros, as codes have", "id")
    n_codes = few_codes(observed)
    more = f", one of {n_codes} whole numbers; if they are codes, give it the type categorical" if n_codes else ""
    return Verdict("predictor", None, NUMBERS + more)


def few_codes(observed: Values) -> int:
    """How many different values a column has, if these may be codes: three to six whole numbers, each of several people; else 0."""
    if len(observed) < ROWS_PER_CODE * FEW_CODES:
        return 0
    first = np.unique(observed[:1000])
    if len(first) > FEW_CODES or not (first == np.rint(first)).all():
        return 0
    found = np.unique(observed)
    return len(found) if 2 < len(found) <= FEW_CODES and bool((found == np.rint(found)).all()) else 0


def recognise_texts(name: str, levels: Sequence[str], n_observed: int, n_rows: int, *, has_more: bool) -> Verdict:
    """A column with cells that are no numbers.

    Args:
        name: of the column.
        levels: the different texts of the observed cells, or the first so many of them.
        n_observed: observed cells.
        n_rows: of the file.
        has_more: whether there are more texts than a predictor has levels.
    """
    if levels and all(DATE.match(text) for text in levels):
        return _left_out("it holds dates", "date")
    if levels and all(TIME.match(text) for text in levels):
        return _left_out("it holds times of day", "date")
    if (has_more or len(levels) == n_observed > 2) and _are_marked_numbers(levels):
        return _left_out("its numbers are written with signs or units; write them as plain numbers to have it as a predictor")
    if has_more:
        return _left_out(f"it has more than {MAX_LEVELS} different texts", "id" if ID_NAME.match(name) else None)
    if len(levels) == n_observed > 2:
        return _left_out("no text in it occurs twice, as with identifiers", "id")
    if len(levels) < 2:
        return _left_out("it has the same text on every row")
    if n_observed < n_rows:
        return _left_out("it is text with missing cells; as a predictor it would cost the rows that miss it")
    return Verdict("predictor", "binary" if len(levels) == 2 else "categorical", f"it has {len(levels)} different texts")


def _are_marked_numbers(levels: Sequence[str]) -> bool:
    found = [MARKED_NUMBER.match(text) for text in levels]
    return len({match.groups() for match in found if match}) <= MAX_MARKS and all(found)


def alike(levels: Sequence[str]) -> tuple[str, str] | None:
    """Two levels, if any, that differ only in upper and lower case or in spaces."""
    first: dict[str, str] = {}
    for text in levels:
        plain = "".join(text.split()).casefold()
        if plain in first:
            return first[plain], text
        first[plain] = text
    return None


def _numbers_rows(name: str, observed: Values, n_rows: int) -> bool:
    if n_rows < MIN_ROWS or len(observed) < n_rows or not (observed == np.rint(observed)).all():
        return False
    if bool((np.diff(observed) == 1.0).all()):
        return True
    return ID_NAME.match(name) is not None and len(np.unique(observed)) == n_rows
