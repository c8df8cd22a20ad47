"""Secret orders of the rows, in which code that sees them gets them: all at once, or in micro-blocks.

An order is a function of the site's secret and the job, as the random numbers of the rows are, and of nothing that code or central knows. A
number that adds up over one secret split is not a function of where a row stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.draws import RowDraws

MAX_BLOCKS: Final = 512
"""Micro-blocks; with fewer rows, each row is one. What fewer than so many blocks give can be judged in milliseconds."""
ORDERS: Final = 0
"""In place of a target's index (1-based): the numbers that order the rows are those of no target."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Partition:
    """An order of the rows, cut into blocks."""

    order: Places
    """For each place in the new order the place in that of `Rows`; shape (rows,), all of them or those of some blocks."""
    sizes: tuple[int, ...]
    """Rows of each block; they add up to the rows, and differ by one at most."""

    def restore(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Numbers of all rows in this order, put back into that of `Rows`."""
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored

    def of(self, blocks: Places) -> Partition:
        """Some of the blocks, in the order given, and no other rows."""
        starts = np.cumsum((0, *self.sizes))
        order = [self.order[starts[block] : starts[block + 1]] for block in blocks.tolist()]
        return Partition(np.concatenate([self.order[:0], *order]), tuple(self.sizes[block] for block in blocks.tolist()))

    def all_of(self, is_so: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether something (in the order of `Rows`) is so of all rows of a block, shape (blocks,)."""
        starts = np.cumsum((0, *self.sizes[:-1]))
        every: npt.NDArray[np.bool_] = np.logical_and.reduceat(is_so[self.order], starts)
        return every


def secret_partition(draws: RowDraws, file_rows: npt.NDArray[np.int64], number: int, n_blocks: int) -> Partition:
    """Order number `number` (from 1) of the rows, in `n_blocks` blocks, at most one per row."""
    n_rows = len(file_rows)
    n_blocks = max(1, min(n_blocks, n_rows))
    order = np.argsort(draws.uniform(ORDERS, number, file_rows), kind="stable")
    small, n_larger = divmod(n_rows, n_blocks)
    return Partition(order, (small + 1,) * n_larger + (small,) * (n_blocks - n_larger))
