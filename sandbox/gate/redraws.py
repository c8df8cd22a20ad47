"""Which imputed cells of a binary target are 1, in every state that left a mark: two states differ in no row, or in enough of them.

A draw of a continuous target changes every cell that it fills. One of a binary target changes only some, and may change few: then the
Grams before and after it differ by these few rows, whose values stand in the difference. The same goes for two chains, and for the cells
that are 1 (or 0) at all: the target's own Gram has the sums over the rows that show it, any other Gram has the imputed cells in it too, and
the difference is the rows whose imputed cell is 1. So a state is compared with all before it, and with all 0 and all 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.patterns import Mask
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows

WORD_BITS: Final = 64
WORDS_AT_ONCE: Final = 256
"""Of a state. Of many rows some thousands are enough to see that many changed."""

Words = npt.NDArray[np.uint64]


class Redraws:
    """The states of one job at a site, of all its chains."""

    def __init__(self, rows: Rows, targets: Iterable[int], fewest: int, n_states: int, region: Region) -> None:
        """Start with all 0 and all 1.

        Args:
            rows: of any chain; they hold the same cells.
            targets: the binary ones, 1-based indices.
            fewest: rows in which two states differ at least when they differ at all, among all rows that miss the target as among those
                that show another one: the Gram of the other is a sum over these.
            n_states: start values and draws of one target, of all chains.
            region: where the states live. Raises `RegionFull`.
        """
        self._records = {target: _Record(list(_views(rows, target)), fewest, n_states, region) for target in targets}

    def accept(self, target: int, is_one: Mask) -> bool:
        """Whether the missing cells of `target` may be these, shape (missing,) in sorted order; if so they are remembered.

        Raises `IndexError` after more than `n_states` calls.
        """
        return self._records[target].accept(is_one)


class _Record:
    def __init__(self, views: list[Mask], fewest: int, n_states: int, region: Region) -> None:
        self._fewest = fewest
        n_rows = len(views[0])
        self._states: Words = region.array((n_states + 2, -(-n_rows // WORD_BITS)), np.uint64)
        self._views = [_packed(view) for view in views]
        self._states[1] = self._views[0]
        self._n_states = 2

    def accept(self, is_one: Mask) -> bool:
        state = _packed(is_one)
        earlier = self._states[: self._n_states]
        if any(((changed > 0) & (changed < self._fewest)).any() for changed in self._changed(earlier, state)):
            return False
        self._states[self._n_states] = state
        self._n_states += 1
        return True

    def _changed(self, earlier: Words, state: Words) -> Iterator[npt.NDArray[np.int64]]:
        """For each view in how many of its rows the earlier states differ from this one; counted no further than needed."""
        for view in self._views:
            changed = np.zeros(len(earlier), np.int64)
            for start in range(0, len(state), WORDS_AT_ONCE):
                words = slice(start, start + WORDS_AT_ONCE)
                changed += np.bitwise_count((earlier[:, words] ^ state[words]) & view[words]).sum(axis=1, dtype=np.int64)
                if (changed >= self._fewest).all():
                    break
            yield changed


def _views(rows: Rows, target: int) -> Iterator[Mask]:
    """Which rows that miss `target` are in a Gram: all of them, and those that show each other target."""
    place = rows.targets.index(target)
    is_missing = rows.masks[:, place]
    masks, counts = rows.masks[is_missing], np.diff(rows.bounds)[is_missing]
    yield np.ones(int(counts.sum()), dtype=np.bool_)
    shown = ~np.delete(masks, place, axis=1)
    # Targets that the same rows show have the same view, and one that none of them shows has none.
    for view in np.unique(shown[:, shown.any(axis=0) & ~shown.all(axis=0)], axis=1).T:
        yield np.repeat(view, counts)


def _packed(bits: Mask) -> Words:
    n_bytes = -(-len(bits) // WORD_BITS) * (WORD_BITS // 8)
    packed = np.zeros(n_bytes, np.uint8)
    packed[: -(-len(bits) // 8)] = np.packbits(bits)
    return packed.view(np.uint64)
