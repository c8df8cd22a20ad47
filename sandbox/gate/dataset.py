"""A data set as it was uploaded: the columns in the model as numbers, and at central also the uploaded bytes.

It holds raw values in file order, until `rows` takes them over: what the kernels work on (rows that take part, sorted, standardised) is
made of them where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sandbox.contract import Contract
from sandbox.gate.reading import Reading
from sandbox.gate.table import Layout
from sandbox.gate.tiles import Tiles

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive rows as they were uploaded, in UTF-8 and without lines that hold nothing, in the region."""

    n_rows: int
    text: npt.NDArray[np.uint8]


@dataclass(slots=True)
class Dataset:
    """The rows of one upload."""

    contract: Contract
    slots: dict[int, int]
    """For each column in the model (1-based index) its position in `values`, ascending."""
    values: Tiles
    """Raw values, NaN where missing; columns for intercepts are behind the others."""
    blocks: list[Block] = field(default_factory=list)
    """The upload without its header, at central only: nobody needs it at a site."""
    header: bytes = b""
    """The header record with its line end; empty at a site."""
    level_texts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """How this file spells each level of the targets that have some."""
    quoted: frozenset[int] = frozenset()
    """Targets whose observed cells are quoted in this file."""
    reading: Reading = field(default_factory=Reading)
    """How the file was read."""
    is_taken: bool = False

    @property
    def n_rows(self) -> int:
        """Rows in the file."""
        return self.values.n_rows

    @property
    def layout(self) -> Layout:
        """Where the columns are in the text of the blocks."""
        return Layout(len(self.contract.columns), self.reading.dialect, self.reading.n_before)

    def column(self, index: int) -> Values:
        """The raw values of a column of the model in file order, shape (rows,). A copy; :class:`ValueError` once they are taken."""
        if self.is_taken:
            raise ValueError("the values are no longer in file order")
        return self.values.column(self.slots[index])

    def take(self) -> Tiles:
        """Hand over the values, to be sorted and standardised where they are."""
        self.is_taken = True
        return self.values


class Columns(Mapping[int, Values]):
    """The columns of the model on some rows of the file, by 1-based index, each made when it is asked for.

    A predictor with indicators has its own index too, if that is asked for: it is who has the level without an indicator, who must be as
    many as those of any other level.
    """

    def __init__(self, dataset: Dataset, file_rows: npt.NDArray[np.intp], *, with_references: bool = False) -> None:
        contract = dataset.contract
        self._dataset = dataset
        self._indices = (*contract.model, *contract.blocks) if with_references else contract.model
        self._rows: npt.NDArray[np.intp] | slice = file_rows if len(file_rows) < dataset.n_rows else slice(None)

    def __getitem__(self, index: int) -> Values:
        indicators = self._dataset.contract.blocks.get(index)
        if indicators is None:
            return self._dataset.column(index)[self._rows]
        values: Values = 1.0 - np.sum([self._dataset.column(indicator) for indicator in indicators], axis=0)
        return values[self._rows]

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)
