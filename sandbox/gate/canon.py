"""The canonical form of a file: what stays the same when its rows are shuffled, its columns renamed, or its values told in other units.

A site completes its rows once for a file. What is drawn for a row must therefore be a function of the site's secret and of what the file
says, never of how it says it: else the same file, told again with inches for centimetres, would be completed anew, and every telling
would be another look at the same people. So each column is standardised by its own observed cells and its sign is fixed; the columns have
an order of their own; a row's number is its rank by a hash of its cells in that form; and the file's key is made of all the hashes.

Cells are compared on a grid, because standardising the same column in other units moves the last digits. Rows that agree on the grid and
yet differ are ordered by their values. A change that is not of units but of values (a column rounded after it was converted) is
another file; the life of a file (`sandbox.life`) counts it as a version.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code, InputError
from sandbox.gate.draws import KEY_BYTES

GRID: Final = 64
"""Cells per standard deviation. Rounding moves a standardised value by 1e-14, so that one in 1e12 cells changes its place on the grid."""
OFFSET: Final = 0.271828
"""Of the grid: values at round places, such as the mean, lie well within a cell."""
SYMMETRIC: Final = 1e-9
"""|mean of z³| below which a column has no side of its own."""
_LABEL: Final = b"tidegate own rows v1"
_MISSING: Final = -(1 << 62)
"""The place of a missing cell on the grid."""
_MULTIPLIER: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_SHIFTS: Final = (np.uint64(32), np.uint64(29))

Values = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
FileRows = npt.NDArray[np.int64]
Read = Callable[[int], Values]
Kind = Literal["constant", "two_valued", "numeric", "category"]
"""By how many distinct values are observed: one, two, or more; and the indicators of a category, all together."""


@dataclass(frozen=True, slots=True)
class Side:
    """What a column's observed cells say of it, in raw units, and which side of it counts as up."""

    index: int
    """1-based."""
    n_observed: int
    low: float
    high: float
    kind: Kind
    rise: float
    """Mean of x − low: told from `low`, a column far from 0 does not hide in its own rounding."""
    scale: float
    """Standard deviation; 1 of a constant column."""
    skewness: float
    """Mean of z³, z = (x − mean) / scale."""
    sign: int
    """1, or −1 when the canonical column is the mirror image: the longer tail is up, and the rarer of two values."""

    @property
    def is_measured(self) -> bool:
        """Whether a row shows the column. One that no row shows is a constant 0."""
        return self.n_observed > 0

    @property
    def centre(self) -> float:
        """Mean; the value itself of a constant column."""
        return self.low + self.rise

    def standardise(self, values: Values, scale: float = 1.0) -> Values:
        """Put raw values into canonical form where they are, NaN where missing; `scale`: units per standard deviation."""
        values -= self.low
        values -= self.rise
        values *= self.sign * scale / self.scale
        return values


@dataclass(frozen=True, slots=True)
class Block:
    """The indicators of one predictor: which level a row has, whatever the levels are called and whichever has no indicator."""

    indicators: tuple[int, ...]
    """1-based indices, in the order of the model."""
    levels: tuple[int, ...]
    """The levels that some row has, by their indicators, 0 being the one without: from the most frequent, which is the canonical
    reference. A level that no row has says nothing."""
    counts: tuple[int, ...]
    """Rows with each of these."""

    @property
    def n_observed(self) -> int:
        """Rows that show the predictor."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class Canon:
    """The canonical form of one file under one secret."""

    sides: tuple[Side, ...]
    """Of the columns that are measured, in canonical order, then of the others; without indicators."""
    blocks: tuple[Block, ...]
    """In canonical order."""
    indicators: tuple[Side, ...]
    """In the order of the model. They have no sign."""
    order: FileRows
    """File rows (0-based) in canonical order, shape (rows,)."""
    numbers: FileRows
    """The canonical number of each file row, shape (rows,): the inverse of `order`."""
    key: bytes
    """Of the site's secret and everything that the file says; 16 bytes."""


def find_canon(read: Read, columns: Sequence[int], n_rows: int, secret: bytes, blocks: Sequence[Sequence[int]] = ()) -> Canon:
    """The canonical form of a file. Columns without an observed cell say nothing: it is that of the file without them.

    Args:
        read: gives the raw values of a column in file order, shape (rows,), NaN where missing; called a few times for each.
        columns: 1-based index of each column in the model, in file order.
        n_rows: of the file.
        secret: of the site.
        blocks: which of the columns are the indicators of one predictor.

    Raises:
        InputError: `RULE_NOT_FINITE` when a column's standard deviation is no number.
    """
    inside = {index for block in blocks for index in block}
    described = [_describe(read(index), index) for index in columns if index not in inside]
    sides = _settle(read, [side for side in described if side.is_measured], n_rows)
    # Columns that agree in all of this, but for rounding, are told apart by their place in the file.
    sides.sort(key=lambda side: (n_rows - side.n_observed, side.kind, round(abs(side.skewness), 9)))
    hashes = _hash_rows(read, sides, n_rows)
    found = _hash_blocks(read, blocks, hashes)
    order: FileRows = np.argsort(hashes).astype(np.int64, copy=False)
    hashes = hashes[order]
    _order_ties(read, sides, hashes, order)
    numbers = np.empty(n_rows, np.int64)
    numbers[order] = np.arange(n_rows)
    said = hashlib.sha256(hashes.astype("<u8", copy=False).tobytes()).digest()
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    unmeasured = (side for side in described if not side.is_measured)
    indicators = (replace(_describe(read(index), index), sign=1) for index in columns if index in inside)
    key = hmac.digest(extracted, _LABEL + said + b"\x01", "sha256")[:KEY_BYTES]
    return Canon((*sides, *unmeasured), tuple(found), tuple(indicators), order, numbers, key)


def _describe(values: Values, index: int) -> Side:
    observed = values[~np.isnan(values)]
    if not len(observed):
        return Side(index, 0, 0.0, 0.0, "constant", 0.0, 1.0, 0.0, 1)
    low, high = float(observed.min()), float(observed.max())
    if low == high:
        return Side(index, len(observed), low, high, "constant", 0.0, 1.0, 0.0, 1)
    kind: Kind = "two_valued" if ((observed == low) | (observed == high)).all() else "numeric"
    observed -= low
    rise = float(observed.mean())
    observed -= rise
    scale = float(np.sqrt(observed @ observed / len(observed)))
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(Code.RULE_NOT_FINITE)
    observed /= scale
    skewness = float((observed * observed) @ observed / len(observed))
    return Side(index, len(observed), low, high, kind, rise, scale, skewness, -1 if skewness < 0 else 1)


def _settle(read: Read, sides: list[Side], n_rows: int) -> list[Side]:
    """The same with a sign for columns that are symmetric: that of their sum of products with the columns that are not.

    Where nothing tells the sides apart, up is what the file says is up.
    """
    is_symmetric = [side.kind != "constant" and abs(side.skewness) < SYMMETRIC for side in sides]
    if not any(is_symmetric):
        return sides
    total = np.zeros(n_rows)
    for side, is_open in zip(sides, is_symmetric, strict=True):
        if not (is_open or side.kind == "constant"):
            total += np.nan_to_num(side.standardise(read(side.index)), copy=False)
    settled = []
    for side, is_open in zip(sides, is_symmetric, strict=True):
        if is_open:
            product = float(np.nan_to_num(side.standardise(read(side.index), side.sign), copy=False) @ total)
            side = replace(side, sign=-1 if product < -SYMMETRIC * n_rows else 1, skewness=0.0)
        settled.append(side)
    return settled


def _hash_rows(read: Read, sides: Sequence[Side], n_rows: int) -> Words:
    """A word of the cells of each row in canonical form and order, shape (rows,)."""
    hashes = np.zeros(n_rows, np.uint64)
    for side in sides:
        cells = side.standardise(read(side.index), GRID)
        cells += OFFSET
        np.rint(cells, out=cells)
        if side.n_observed < n_rows:
            cells[np.isnan(cells)] = _MISSING
        hashes += cells.astype(np.int64).view(np.uint64)
        for shift in _SHIFTS:
            hashes *= _MULTIPLIER
            hashes ^= hashes >> shift
    return hashes


def _hash_blocks(read: Read, blocks: Sequence[Sequence[int]], hashes: Words) -> list[Block]:
    """Take the levels of the rows into their words, shape (rows,), in place; the blocks in canonical order.

    Levels are told apart by how many rows have them, then by what these rows are: by the sum of their words.
    """
    described = []
    for indicators in blocks:
        place = _places(read, indicators)
        members = [np.flatnonzero(place == number) for number in range(len(indicators) + 1)]
        levels = [(-len(rows), int(hashes[rows].sum(dtype=np.uint64)), number) for number, rows in enumerate(members) if len(rows)]
        levels.sort(key=lambda level: level[:2])
        described.append(
            (Block(tuple(indicators), tuple((0, *indicators)[n] for *_, n in levels), tuple(-size for size, *_ in levels)), levels)
        )
    described.sort(key=lambda found: (-found[0].n_observed, [level[:2] for level in found[1]]))
    for block, levels in described:
        if not levels:
            continue
        ranks = np.full(len(block.indicators) + 2, _MISSING, np.int64)
        ranks[[number for *_, number in levels]] = np.arange(len(levels))
        hashes += ranks[_places(read, block.indicators)].view(np.uint64)
        for shift in _SHIFTS:
            hashes *= _MULTIPLIER
            hashes ^= hashes >> shift
    return [block for block, _ in described]


def _places(read: Read, indicators: Sequence[int]) -> FileRows:
    """Of each row the place of its indicator among these, from 1; 0 of the level without one, −1 where it misses them; shape (rows,)."""
    place = np.where(np.isnan(read(indicators[0])), -1, 0).astype(np.int64)
    for number, index in enumerate(indicators, 1):
        place[read(index) == 1.0] = number
    return place


def _order_ties(read: Read, sides: Sequence[Side], hashes: Words, order: FileRows) -> None:
    """Order rows of equal hashes by their values, in place. Most of them are equal in all, and then nothing is to be done."""
    is_tied = hashes[1:] == hashes[:-1]
    later = np.flatnonzero(is_tied) + 1
    if not len(later):
        return
    differing = []
    for side in sides:
        values = read(side.index)
        # Of cells that are missing on both rows neither is less.
        if not np.array_equal(values[order[later]], values[order[later - 1]], equal_nan=True):
            differing.append(side)
    if not differing:
        return
    places = np.flatnonzero(np.append(is_tied, False) | np.insert(is_tied, 0, False))
    rows = order[places]
    keys = [read(side.index)[rows] * side.sign for side in reversed(differing)]
    order[places] = rows[np.lexsort([*keys, hashes[places]])]
