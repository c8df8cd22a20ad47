"""What has left so far: how many numbers of an answer are new. The displayed disclosure budget of a job is made of this count.

A cross-product of columns without gaps is the same in every sweep: only what changed tells something. Holds aggregates that left, never a
row.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

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
    counted = _counted(array.shape)
    if before is None:
        return int(np.count_nonzero(counted))
    is_new = np.frombuffer(array.data, "<u8") != np.frombuffer(before.data, "<u8")
    return int(np.count_nonzero(is_new & counted))


@lru_cache(maxsize=64)
def _counted(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which numbers of an array count, in C order: of a matrix the upper triangle."""
    everything = np.ones(shape, dtype=bool)
    return (np.triu(everything) if len(shape) == 2 else everything).ravel()
