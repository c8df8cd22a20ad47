"""Two sums that are one sum but for a few rows: central subtracts and has those rows.

All pairs of q numbers are judged in far less than q² M: when two agree but on fewer than g blocks, then of g disjoint groups of blocks
there is one on which they agree wholly, and there secret random projections of both have one direction. Sorting finds those; what it
finds is judged exactly. `s`, `2 s + x [row = t]` and `7 - s` are one sum here. Numbers of earlier messages of the job take part (up to a
bound), so code that is asked for `s` now and for `s + x [row = t]` later, and for something else in between, is caught as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import (
    CLOSE,
    TAU,
    Places,
    Values,
    centred_weights,
    count_deviating,
    directions,
    magnitude,
    residuals,
)

MAX_PAIRS: Final = 1 << 14
"""Pairs that agree on a group of blocks. Honest messages have none or a few; more are refused unseen, for each costs time."""
MAX_EARLIER: Final = 1 << 13
"""Numbers of earlier messages that are kept, the latest: 32 MB."""
AT_ONCE: Final = 256


class Pairs:
    """The numbers of one job, as far as they are kept, each told from all others."""

    def __init__(self, sizes: Values, limit: int, random: np.random.Generator) -> None:
        """Start a job. `limit`: the fewest blocks in which two numbers may differ; `random`: secret, of this job."""
        self._sizes, self._limit = sizes, limit
        # Two directions are left of a group of three blocks when what all rows contribute alike is taken off.
        n_groups = max(1, min(limit, len(sizes) // 3))
        self._groups = np.array_split(np.arange(len(sizes)), n_groups)
        self._weights = [centred_weights(sizes[group], random) for group in self._groups]
        self._all = centred_weights(sizes, random)
        self._earlier = np.empty((len(sizes), 0))
        self._new = self._earlier

    def check(self, blocks: Values) -> list[Breach]:
        """No two numbers are the same, up to a multiple and a constant per row, but on fewer than `limit` blocks.

        `blocks` holds no copies of its own numbers (`contributions.distinct`). Two numbers that are both constant on the group on which
        they agree are not found.
        """
        self._new = blocks[:, self._unseen(blocks)]
        together = np.concatenate([self._earlier, self._new], axis=1)
        floor, n_earlier, n_pairs = TAU * magnitude(together), self._earlier.shape[1], 0
        fewest = self._limit
        for group, weights in zip(self._groups, self._weights, strict=True):
            for one, other in _agreeing(directions(weights @ together[group], floor)):
                is_new = np.maximum(one, other) >= n_earlier
                n_pairs += int(np.count_nonzero(is_new))
                if n_pairs > MAX_PAIRS:
                    return [Breach("span", 0, self._limit)]
                fewest = min(fewest, self._fewest_apart(together, one[is_new], other[is_new], group))
        return [Breach("span", fewest, self._limit)] if fewest < self._limit else []

    def accept(self) -> None:
        """Keep the numbers that were checked last: they leave."""
        self._earlier = np.concatenate([self._earlier, self._new], axis=1)[:, -MAX_EARLIER:]
        self._new = self._earlier[:, :0]

    def _unseen(self, blocks: Values) -> Places:
        """The numbers that are not copies of earlier ones: those were judged when they left."""
        n_earlier = self._earlier.shape[1]
        together = np.concatenate([self._earlier, blocks], axis=1)
        angles = directions(self._all @ together, TAU * magnitude(together))
        is_unseen = np.ones(blocks.shape[1], dtype=np.bool_)
        for one, other in _agreeing(angles):
            new, old = np.maximum(one, other), np.minimum(one, other)
            is_mixed = (new >= n_earlier) & (old < n_earlier)
            new, old = new[is_mixed], old[is_mixed]
            for start in range(0, len(new), AT_ONCE):
                places = slice(start, start + AT_ONCE)
                left, rounding = residuals(together, new[places], old[places], self._sizes)
                is_unseen[new[places][np.abs(left).max(axis=0) <= rounding] - n_earlier] = False
        return np.flatnonzero(is_unseen)

    def _fewest_apart(self, together: Values, one: Places, other: Places, group: Places) -> int:
        """The least number of blocks that tells two of some pairs apart, copies left out; `limit` when there is none below."""
        fewest = self._limit
        for start in range(0, len(one), AT_ONCE):
            places = slice(start, start + AT_ONCE)
            left, rounding = residuals(together, one[places], other[places], self._sizes, group)
            counts = count_deviating(left, rounding)
            fewest = min(fewest, int(counts[counts > 0].min(initial=fewest)))
        return fewest


def _agreeing(angles: Values) -> Iterator[tuple[Places, Places]]:
    """Pairs of places with one direction."""
    order = np.argsort(angles, kind="stable")[: np.count_nonzero(~np.isnan(angles))]
    for lag in range(1, len(order)):
        near = np.flatnonzero(angles[order[lag:]] - angles[order[:-lag]] <= CLOSE)
        if not len(near):
            return
        yield order[near + lag], order[near]
