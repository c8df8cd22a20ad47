"""Rows lent to code that sees them: to four workers, so that no answer depends on what a worker remembers.

*Production* is lent all rows as one block. The micro-blocks of *verification* are lent to three workers, each of which lacks a third of
them, so every block is answered by two. Whatever row an answer were to smuggle, for most blocks one of the two has never seen it: code that
breaks out of its language and remembers every row it is shown gives itself away by answering the same block in two ways. Each worker has
its blocks in an order of its own: none can tell which of them it shares with whom, nor on which blocks it could lie in agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import Refusal
from sandbox.gate.partition import MAX_BLOCKS, ORDERS, Partition, Places, secret_partition
from sandbox.gate.pool import Pool
from sandbox.gate.rows import Matrix, Rows
from sandbox.wire.messages import CallBlocks

N_WORKERS: Final = 4
N_GROUPS: Final = 3
"""Groups of micro-blocks; each verification worker is lent all but one."""
PRODUCTION: Final = 1
VERIFICATION: Final = 2
LENT: Final = 5
"""Numbers of the secret orders; from `LENT` on, of those in which each verification worker has its blocks."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contributions:
    """What the workers answered to one call: on all rows, shape (numbers,), and block by block, shape (blocks, numbers), twice."""

    whole: Matrix
    blocks: Matrix
    again: Matrix
    """As `blocks`, by the other of the two workers that have the block."""

    @property
    def total(self) -> Matrix:
        """What leaves, shape (numbers,): the gate's own sum of the blocks.

        The worker that has all rows only bears it out. It could bend a sum as far as rounding may, and so choose to which side of a step
        one that lies on the edge is rounded.
        """
        total: Matrix = self.blocks.sum(axis=0)
        return total

    def of(self, places: slice) -> Contributions:
        """Some of the numbers."""
        return Contributions(self.whole[places], self.blocks[:, places], self.again[:, places])


class Lending:
    """The workers of one job that are lent its rows."""

    def __init__(self, pools: Sequence[Pool], rows: Rows, draws: RowDraws, thresholds: Mapping[int, float]) -> None:
        """Lend the rows. Raises `PeerError` when a worker is gone."""
        self._production, *self._verification = pools
        self._rows = rows
        self.partition: Final[Partition] = secret_partition(draws, rows.file_rows, VERIFICATION, MAX_BLOCKS)
        groups = np.array_split(np.arange(len(self.partition.sizes)), N_GROUPS)
        self._held = [
            _shuffled(np.concatenate([group for other, group in enumerate(groups) if other != number]), draws, LENT + number)
            for number in range(N_GROUPS)
        ]
        self._production.load(rows, secret_partition(draws, rows.file_rows, PRODUCTION, 1), thresholds)
        for pool, held in zip(self._verification, self._held, strict=True):
            pool.load(rows, self.partition.of(held), thresholds)

    def set_column(self, position: int) -> None:
        """Lend a design column again, after it was filled."""
        for pool in self._pools:
            pool.set_column(self._rows, position)

    def call(self, message: CallBlocks, numbers: Matrix | None = None) -> None:
        """Send a call to all workers, with a number per row (in the order of `Rows`)."""
        for pool in self._pools:
            pool.call(message, numbers)

    def contributions(self, n_numbers: int) -> Contributions:
        """What they answered. Raises :class:`Refusal` when the pair's code raised, `PeerError` when a worker is gone or lies."""
        (whole,), *answers = self._each(lambda pool: pool.answer(n_numbers))
        blocks = np.full((len(self.partition.sizes), n_numbers), np.nan)
        again = np.full_like(blocks, np.nan)
        is_first = np.ones(len(blocks), dtype=np.bool_)
        for held, answer in zip(self._held, answers, strict=True):
            first = is_first[held]
            blocks[held[first]], again[held[~first]] = answer[first], answer[~first]
            is_first[held] = False
        return Contributions(whole, blocks, again)

    def filled(self) -> tuple[Matrix, list[tuple[Places, Matrix]]]:
        """What production put into every row, in the order of `Rows`, and for each other worker: its rows, and what it put there."""
        values, *others = self._each(Pool.filled)
        return self._production.partition.restore(values), [
            (pool.partition.order, other) for pool, other in zip(self._verification, others, strict=True)
        ]

    @property
    def _pools(self) -> tuple[Pool, ...]:
        return (self._production, *self._verification)

    def _each(self, receive: Callable[[Pool], T]) -> list[T]:
        """The answers of all workers. Each is read, also when one refused: else the next answer would be this one."""
        answers: list[T] = []
        refusal: Refusal | None = None
        for pool in self._pools:
            try:
                answers.append(receive(pool))
            except Refusal as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal
        return answers


def _shuffled(blocks: Places, draws: RowDraws, number: int) -> Places:
    return blocks[np.argsort(draws.uniform(ORDERS, number, blocks.astype(np.int64)), kind="stable")]
