"""What has left so far: how many numbers of an answer are new. The displayed disclosure budget of a job is made of this count.

A cross-product of columns without gaps is the same in every sweep: only what changed tells something. Holds aggregates that left, never a
row.
"""

from __future__ import annotations

import numpy as np

from sandbox.wire.values import Array, Record


class Budget:
    """The last answer in each place: of a kernel about a target, or of a field of a step."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], Record] = {}

    def count_new(self, place: str, target: int, record: Record) -> int:
        """How many numbers of `record` did not leave in the same place last time; of a symmetric matrix one half counts."""
        before = self._last.get((place, target), {})
        self._last[place, target] = record
        return sum(_n_changed(array, before.get(part)) for part, array in record.items())


def _n_changed(array: Array, before: Array | None) -> int:
    bits = np.frombuffer(array.data, dtype="<u8").reshape(array.shape)
    is_new = np.ones(array.shape, dtype=bool) if before is None else bits != np.frombuffer(before.data, dtype="<u8").reshape(array.shape)
    return int(np.count_nonzero(np.triu(is_new) if len(array.shape) == 2 else is_new))
