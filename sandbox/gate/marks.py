"""Which mark of a column of numbers is the decimal one, a point or a comma: `1.299` is one of two numbers, and nobody may guess which.

A text has a value under each mark, or none. Where only one mark gives a value, the text tells which mark its column has; where both give
the same, it tells nothing; where they differ it is open, and its place is remembered (two bits a row) until the column is decided: by a
later cell, by the other columns of the file, or by the job. What is decided by none of them is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sandbox.contract import NUMBER
from sandbox.gate.table import Table

Mark: TypeAlias = Literal[".", ","]
POINT: Final = "."
COMMA: Final = ","
Values: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

WITH_COMMA: Final = re.compile(r"[ \t]*[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?[ \t]*\Z", re.ASCII)
"""A number with a decimal comma."""
SPACES: Final = "'\u2019\u00a0\u202f"
"""Marks of thousands that are nothing else: apostrophes, and spaces at which no line breaks."""
_GROUPED_POINT: Final = re.compile(rf"[ \t]*[+-]?[1-9]\d{{0,2}}((,\d{{3}})+|([{SPACES}]\d{{3}})+)(\.\d*)?[ \t]*\Z", re.ASCII)
_GROUPED_COMMA: Final = re.compile(rf"[ \t]*[+-]?[1-9]\d{{0,2}}((\.\d{{3}})+|([{SPACES}]\d{{3}})+)(,\d*)?[ \t]*\Z", re.ASCII)
_WITHOUT: Final = {mark: str.maketrans("", "", SPACES + mark) for mark in ".,"}
_GROUP: Final = 1000
_GROUP_WIDTH: Final = 4
"""Bytes of a mark and the three digits behind it."""
_MAX_WIDTH: Final = 32
"""Few numbers are longer; those are looked at one by one."""
_MAX_WHOLE: Final = 1e15
"""Up to here every whole number is a value of its own."""
_POINT_BYTE, _QUOTE_BYTE, _BLANKS = 46, 34, (32, 9)
_NAN: Final = float("nan")


def value_of(text: str, mark: Mark) -> float:
    """The number that a text is where `mark` is the decimal one, thousands marked or not; NaN when it is none."""
    if mark == POINT:
        if NUMBER.match(text):
            return float(text)
        return float(text.translate(_WITHOUT[COMMA])) if _GROUPED_POINT.match(text) else _NAN
    if WITH_COMMA.match(text):
        return float(text.replace(",", "."))
    return float(text.translate(_WITHOUT[POINT]).replace(",", ".")) if _GROUPED_COMMA.match(text) else _NAN


def is_number(text: str) -> bool:
    """Whether a text is a number under one of the marks."""
    return value_of(text, POINT) == value_of(text, POINT) or value_of(text, COMMA) == value_of(text, COMMA)


@dataclass(slots=True)
class Open:
    """The cells of a column that are one number under a point and another under a comma."""

    first_line: int
    pieces: list[tuple[int, int, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = field(default_factory=list)
    """First row, number of rows, and bits of the cells with a point and of those with a comma."""
    has_points: bool = False
    has_commas: bool = False

    def last(self, first_row: int, n_rows: int) -> Mask:
        """Which rows of the newest table have such a cell, shape (rows,)."""
        first, count, *bits = self.pieces[-1]
        if first != first_row:
            return np.zeros(n_rows, dtype=bool)
        found: Mask = np.unpackbits(bits[0] | bits[1], count=count).astype(bool)
        return found

    def places(self, n_rows: int) -> tuple[Mask, Mask]:
        """Which rows have such a cell with a point, and which with a comma, shape (rows,) each."""
        found = np.zeros((2, n_rows), dtype=bool)
        for first, count, *bits in self.pieces:
            for kind in (0, 1):
                found[kind, first : first + count] = np.unpackbits(bits[kind], count=count)
        return found[0], found[1]


class Marks:
    """The marks of all columns of one file."""

    def __init__(self, stated: Mark | None = None) -> None:
        """`stated`: the mark that the job gives to what a file leaves open."""
        self._stated = stated
        self._marks: dict[int, Mark] = {}
        self.open: dict[int, Open] = {}
        self._has_small: set[int] = set()
        self._has_large: set[int] = set()
        self.grouped: set[int] = set()
        """Columns in which thousands are marked."""

    def of(self, column: int) -> Mark | None:
        """The decimal mark of a column, where it is decided."""
        return self._marks.get(column)

    @property
    def with_comma(self) -> tuple[int, ...]:
        """The columns with a decimal comma."""
        return tuple(sorted(column for column, mark in self._marks.items() if mark == COMMA))

    def decide(self, column: int, mark: Mark) -> None:
        """What the cells of a column tell for certain."""
        self._marks[column] = mark

    def note_plain(self, column: int, values: Values) -> None:
        """Numbers of an undecided column that have no mark, shape (cells,); NaN for others."""
        if column in self._has_large and column in self._has_small:
            return
        with np.errstate(invalid="ignore"):
            is_large, is_small = np.abs(values) >= _GROUP, np.abs(values) < _GROUP
        if is_large.any():
            self._has_large.add(column)
        if is_small.any():
            self._has_small.add(column)

    def note_open(self, column: int, first_row: int, points: Mask, commas: Mask, table: Table) -> None:
        """Open cells of an undecided column on the rows of a table, shape (rows,) each; before the table there are `first_row` rows."""
        is_any = points | commas
        if not is_any.any():
            return
        found = self.open.setdefault(column, Open(table.line(int(is_any.argmax()))))
        found.pieces.append((first_row, len(points), np.packbits(points), np.packbits(commas)))
        found.has_points |= bool(points.any())
        found.has_commas |= bool(commas.any())

    def forget(self, column: int) -> None:
        """A column turned out to be no numbers."""
        self.open.pop(column, None)
        self._marks.pop(column, None)
        self.grouped.discard(column)

    def settle(self) -> Iterator[int]:
        """Decide the columns with open cells that are undecided, at the end of the file; those that must be asked."""
        marks = set(self._marks.values())
        of_file = marks.pop() if len(marks) == 1 else None
        settled = {column: self._settled(column, of_file) for column in self.open if column not in self._marks}
        for column, mark in settled.items():
            if mark is None:
                yield column
            else:
                self._marks[column] = mark
        for column, found in self.open.items():
            if (self._marks.get(column) == POINT and found.has_commas) or (self._marks.get(column) == COMMA and found.has_points):
                self.grouped.add(column)

    def _settled(self, column: int, of_file: Mark | None) -> Mark | None:
        found = self.open[column]
        if self._stated is not None or (found.has_points and found.has_commas):
            return self._stated
        # Bare numbers below a thousand, marks only above: so a column of thousands looks in a file whose other columns have decimals.
        looks_grouped = column in self._has_small and column not in self._has_large
        own = POINT if found.has_points else COMMA
        return None if own == of_file and looks_grouped else of_file

    def corrected(self, column: int, values: Values) -> tuple[Values, Mask]:
        """A column with open cells as its mark has them, when they were read with a point, shape (rows,); and which cells they are."""
        points, commas = self.open[column].places(len(values))
        if self._marks.get(column) == COMMA:
            # Exact: whole thousandths become whole numbers, and a quotient is the nearest number, as the text's is.
            values[points] = np.round(values[points] * _GROUP)
            values[commas] /= _GROUP
        return values, points | commas


def look(table: Table, column: int, values: Values, marks: Marks, first_row: int) -> None:
    """Learn the mark of an undecided column whose cells are all numbers with a point, or tokens; `values` of the rows, NaN for tokens."""
    data = np.frombuffer(table.text, dtype=np.uint8)
    starts, ends = table.scan.starts[:, column - 1], table.scan.ends[:, column - 1]
    odd = np.flatnonzero(_are_odd(values, ends - starts))
    if not len(odd):
        marks.note_plain(column, values)
        return
    ends = _trimmed(data, ends[odd])
    widths = ends - starts[odd]
    # A point with three digits behind it may be one of thousands; one with fewer or more is decimal.
    is_open = (widths > _GROUP_WIDTH) & (data[np.maximum(ends - _GROUP_WIDTH, 0)] == _POINT_BYTE)
    if _have_point(data, ends[~is_open], widths[~is_open]):
        marks.decide(column, POINT)
        return
    for row in odd[is_open].tolist():
        if np.isnan(value_of(table.cell(row, column), COMMA)):
            marks.decide(column, POINT)
            return
    points = np.zeros(table.n_rows, dtype=bool)
    points[odd[is_open]] = True
    marks.note_open(column, first_row, points, np.zeros_like(points), table)
    marks.note_plain(column, values[~points])


def _are_odd(values: Values, widths: npt.NDArray[np.intp]) -> Mask:
    """Which cells of a column are not written as bare whole numbers, by the digits that their values have, shape (rows,)."""
    # No look at the text: most columns of whole numbers stay undecided to the end of the file.
    with np.errstate(invalid="ignore"):
        sizes = np.abs(values)
        n_bytes = 1 + (values < 0)
        largest, power = np.fmax.reduce(sizes, initial=0.0), 10.0
        while power <= largest and power < _MAX_WHOLE:
            n_bytes += sizes >= power
            power *= 10.0
        odd: Mask = (widths != n_bytes) | (values != np.floor(values))
    return odd & ~np.isnan(values)


def _trimmed(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The ends of cells without closing quotes and blanks."""
    ends = ends - (data[np.maximum(ends - 1, 0)] == _QUOTE_BYTE)
    while (is_blank := np.isin(data[np.maximum(ends - 1, 0)], _BLANKS) & (ends > 0)).any():
        ends = ends - is_blank
    return ends


def _have_point(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp], widths: npt.NDArray[np.intp]) -> bool:
    """Whether one of some cells has a point."""
    for back in range(1, _MAX_WIDTH):
        is_longer = widths >= back
        if not is_longer.all():
            ends, widths = ends[is_longer], widths[is_longer]
        if not len(ends):
            return False
        if (data[ends - back] == _POINT_BYTE).any():
            return True
    return any(_POINT_BYTE in data[end - width : end] for end, width in zip(ends.tolist(), widths.tolist(), strict=True))


def read_column(table: Table, column: int, is_missing: Sequence[bool], marks: Marks, first_row: int) -> tuple[Values, int | None]:
    """The values of a column cell by cell, shape (rows,), and the first row that holds no number."""
    texts = ["" if missing else table.cell(row, column) for row, missing in enumerate(is_missing)]
    is_observed = ~np.array(is_missing, dtype=bool)
    points, commas = (np.array([value_of(text, mark) for text in texts]) for mark in (POINT, COMMA))
    is_point, is_comma = ~np.isnan(points), ~np.isnan(commas)
    mark = marks.of(column)
    if mark is None:
        tells = np.flatnonzero(is_point ^ is_comma)
        if len(tells):
            mark = POINT if is_point[tells[0]] else COMMA
            marks.decide(column, mark)
    values = commas if mark == COMMA else points
    bad = np.flatnonzero(is_observed & np.isnan(values))
    is_open = is_point & is_comma & (points != commas) if mark is None else np.zeros(len(texts), dtype=bool)
    pattern = WITH_COMMA if mark == COMMA else NUMBER
    is_plain = np.array([pattern.match(text) is not None for text in texts], dtype=bool)
    if (~np.isnan(values) & ~is_plain & ~is_open).any():
        marks.grouped.add(column)
    if mark is None:
        is_thousands = np.abs(points) > np.abs(commas)
        marks.note_open(column, first_row, is_open & ~is_thousands, is_open & is_thousands, table)
        marks.note_plain(column, points[is_point & is_plain & ~is_open])
    return values, int(bad[0]) if len(bad) else None
