"""A data set as it was uploaded: the columns in the model as numbers, and at central also the uploaded bytes.

It holds raw values in file order. What the kernels work on (rows that take part, sorted, standardised) is made from it by `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sandbox.contract import Contract

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive rows, in the region."""

    values: Values
    """Raw values, NaN where missing, shape (rows, slots), F-ordered."""
    text: npt.NDArray[np.uint8] | None
    """The uploaded bytes of these rows; None at a site, where nobody needs them."""


@dataclass(slots=True)
class Dataset:
    """The rows of one upload."""

    contract: Contract
    slots: dict[int, int]
    """For each column in the model (1-based index) its position in a block's values."""
    blocks: list[Block] = field(default_factory=list)
    header: bytes = b""
    """The header record with its line end (and byte order mark); empty at a site."""
    level_texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    """How this file spells 0 and 1 of each binary target."""
    quoted: frozenset[int] = frozenset()
    """Targets whose observed cells are quoted in this file."""

    @property
    def n_rows(self) -> int:
        """Rows in the file."""
        return sum(len(block.values) for block in self.blocks)

    def column(self, index: int) -> Values:
        """The raw values of a column of the model in file order, shape (rows,). A copy."""
        slot = self.slots[index]
        return np.concatenate([block.values[:, slot] for block in self.blocks])
