"""The columns of an upload that have levels: read as codes, and laid out as the columns of zeros and ones that models have.

Where the levels are known before the file is read, cells go to their place as they are read. Central may learn them: then codes wait, a
byte for a cell, until the last row has been seen, and the rows are laid out anew with room for the indicators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.contract import MAX_LEVELS, Column, Contract, order_levels
from sandbox.gate.levels import Levels, Tokens
from sandbox.gate.region import Region
from sandbox.gate.table import Table
from sandbox.gate.tiles import Tiles

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
MISSING: Final = -1


class LevelColumn:
    """One column of the file that has levels, or may have."""

    def __init__(self, index: int, column: Column, tokens: Tokens, region: Region) -> None:
        """`tokens`: what is read as missing in it."""
        self.index: Final = index
        self.is_limited: Final = column.levels is not None or column.type == "binary"
        """Whether a cell with another level is at fault, and not the column."""
        self.n_observed = 0
        self.has_more = False
        """Whether the file has more levels than a predictor may have: the others were not looked at."""
        self._is_target = column.role == "target"
        self._region = region
        self._is_learnt = column.levels is None
        self._levels = Levels(column.levels, tokens, at_most=2 if column.type == "binary" else MAX_LEVELS)
        self._codes: list[Codes] = []

    @property
    def waits(self) -> bool:
        """Whether its cells wait for the last row, as codes."""
        return self._is_learnt and not self._is_target

    @property
    def learnt(self) -> tuple[str, ...]:
        """The levels that occur, in the order in which they appeared."""
        return self._levels.learnt

    def read(self, table: Table, n_rows: int | None = None) -> Values:
        """The codes of a table's cells, or the first so many, NaN where missing, shape (rows,). Raises `UnknownLevel`, and `RegionFull`."""
        starts, ends = table.scan.starts[:n_rows, self.index - 1], table.scan.ends[:n_rows, self.index - 1]
        codes = self._levels.encode(np.frombuffer(table.text, np.uint8), starts, ends)
        self.n_observed += int(np.count_nonzero(~np.isnan(codes)))
        if self.waits:
            kept: Codes = self._region.array(len(codes), np.int8)
            kept[:] = np.where(np.isnan(codes), MISSING, codes)
            self._codes.append(kept)
        return codes

    def close(self, table: Table, row: int) -> None:
        """Stop reading at a row of a table that has a level too many."""
        self.has_more = True
        self.read(table, row)

    def decided(self, column: Column) -> Column:
        """The column with its levels, in their order, and the level that most rows have as the reference."""
        levels = order_levels(self.learnt)
        reference = 0
        if column.is_block:
            counts = np.bincount(self.places(levels).astype(np.int64) + 1, minlength=len(levels) + 1)[1:]
            reference = int(counts.argmax())
        return Column(column.name, column.role, column.type, levels, reference, column.missing, column.why)

    def places(self, levels: Sequence[str]) -> Values:
        """Of cells that waited: the place of each among `levels`, −1 where missing, shape (rows,)."""
        codes = np.concatenate([np.empty(0, np.int8), *self._codes])
        places: Values = np.append(self._levels.places(levels), float(MISSING))[codes]
        return places

    def turned(self, codes: Values, levels: Sequence[str]) -> Values:
        """Codes in the order of appearance as places among `levels`, NaN where missing."""
        # Behind the others, where −1 looks, stands what a missing cell is.
        return np.append(self._levels.places(levels), np.nan)[np.nan_to_num(codes, nan=-1.0).astype(np.intp)]

    def texts(self, levels: Sequence[str]) -> tuple[str, ...]:
        """How the file spells each level."""
        return self._levels.texts(levels)


def cells_of(places: Values, contract: Contract, index: int) -> dict[int, Values]:
    """The columns of the model that a column of the file becomes, by their indices.

    Args:
        places: of each cell among the column's levels, NaN or −1 where missing, shape (rows,).
        contract: with these levels.
        index: of the column.
    """
    is_missing = ~(places >= 0)
    if index not in contract.blocks:
        return {index: np.where(is_missing, np.nan, places)}
    levels = {indicator: contract.indicators[indicator].level for indicator in contract.blocks[index]}
    return {indicator: np.where(is_missing, np.nan, places == level) for indicator, level in levels.items()}


def laid_out(
    old: Tiles, slots: Mapping[int, int], contract: Contract, columns: Sequence[LevelColumn], region: Region, n_more: int
) -> Tiles:
    """The rows with a slot for every column of the model, in its order, and `n_more` behind them. Raises `RegionFull`.

    Args:
        old: the rows as they were read.
        slots: where the columns that did not wait are in them.
        contract: of the file.
        columns: those that waited.
        region: where the rows live.
        n_more: columns for intercepts.
    """
    new = Tiles(region, len(contract.model) + n_more)
    for _, low, high in old.pieces(0, old.n_rows):
        new.append(np.zeros((high - low, 0)))
    place_of = {index: place for place, index in enumerate(contract.model)}
    for index, slot in slots.items():
        if index in place_of:
            new.put(place_of[index], old.column(slot))
    for column in columns:
        levels = contract.column(column.index).levels or ()
        for index, values in cells_of(column.places(levels), contract, column.index).items():
            new.put(place_of[index], values)
    return new
