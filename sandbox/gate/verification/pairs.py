"""Two sums that are one sum but for a few rows: central subtracts and has those rows.

All pairs of q numbers are judged in far less than q² M: when two agree but on fewer than g blocks, then of g disjoint groups of blocks
there is one on which they agree wholly, and there secret random projections of both have one direction. Sorting finds those; what it
finds is judged exactly. `s`, `2 s + x [row = t]` and `7 - s` are one sum here. Numbers of earlier messages of the job take part (up to a
bound), so code that is asked for `s` now and for `s + x [row = t]` later, and for something else in between, is caught as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import (
    TAU,
    Places,
    Values,
    agreeing,
    are_copies,
    centred_weights,
    count_deviating,
    directions,
    magnitude,
    pieces,
    residuals,
    select,
)

MAX_PAIRS: Final = 1 << 14
"""Pairs that agree on a group of blocks. Honest messages have none or a few; more are refused unseen, for each costs time."""
MAX_EARLIER: Final = 1 << 13
"""Numbers of earlier messages that are kept, the latest: 32 MB."""


class Pairs:
    """The numbers of one job, as far as they are kept, each told from all others."""

    def __init__(self, sizes: Values, limit: int, random: np.random.Generator) -> None:
        """Start a job. `limit`: the fewest blocks in which two numbers may differ; `random`: secret, of this job."""
        self._sizes, self._limit = sizes, limit
        # Two directions are left of a group of three blocks when what all rows contribute alike is taken off.
        n_groups = max(1, min(limit, len(sizes) // 3))
        self._groups = np.array_split(np.arange(len(sizes)), n_groups)
        self._weights = np.zeros((2 * n_groups + 2, len(sizes)))
        self._weights[:2] = centred_weights(sizes, random)
        for number, group in enumerate(self._groups, 1):
            self._weights[2 * number : 2 * number + 2, group] = centred_weights(sizes[group], random)
        self._earlier: list[_Numbers] = []
        self._new = self._project(np.empty((len(sizes), 0)))

    def check(self, blocks: Values) -> list[Breach]:
        """No two numbers are the same, up to a multiple and a constant per row, but on fewer than `limit` blocks.

        `blocks` holds no copies of its own numbers (`contributions.distinct`). Two numbers that are both constant on the group on which
        they agree are not found.
        """
        self._new = self._unseen(self._project(blocks))
        known, n_earlier = self._known(), self._n_earlier
        fewest, n_pairs = self._limit, 0
        for number, group in enumerate(self._groups, 1):
            for one, other in agreeing(directions(known.projected[2 * number : 2 * number + 2], known.floor)):
                is_new = np.maximum(one, other) >= n_earlier
                n_pairs += int(np.count_nonzero(is_new))
                if n_pairs > MAX_PAIRS:
                    return [Breach("span", 0, self._limit)]
                fewest = min(fewest, self._fewest_apart(one[is_new], other[is_new], group))
        return [Breach("span", fewest, self._limit)] if fewest < self._limit else []

    def accept(self) -> None:
        """Keep the numbers that were checked last: they leave."""
        self._earlier.append(self._new)
        while self._n_earlier > MAX_EARLIER:
            del self._earlier[0]

    @property
    def _n_earlier(self) -> int:
        return sum(len(message.floor) for message in self._earlier)

    def _project(self, blocks: Values) -> _Numbers:
        return _Numbers(blocks, self._weights @ blocks, TAU * magnitude(blocks))

    def _known(self) -> _Numbers:
        """All numbers, the new ones last; the columns are left where they are."""
        messages = [*self._earlier, self._new]
        projected = np.concatenate([message.projected for message in messages], axis=1)
        return _Numbers(self._new.columns, projected, np.concatenate([message.floor for message in messages]))

    def _unseen(self, new: _Numbers) -> _Numbers:
        """The numbers that are not copies of earlier ones: those were judged when they left."""
        self._new = new
        known, n_earlier = self._known(), self._n_earlier
        is_unseen = np.ones(len(new.floor), dtype=np.bool_)
        for one, other in agreeing(directions(known.projected[:2], known.floor)):
            new_places, old_places = np.maximum(one, other), np.minimum(one, other)
            is_mixed = (new_places >= n_earlier) & (old_places < n_earlier)
            new_places, old_places = new_places[is_mixed], old_places[is_mixed]
            for piece in pieces(len(new_places)):
                are_seen = are_copies(self._columns(new_places[piece]), self._columns(old_places[piece]), self._sizes)
                is_unseen[new_places[piece][are_seen] - n_earlier] = False
        return _Numbers(select(new.columns, is_unseen), new.projected[:, is_unseen], new.floor[is_unseen])

    def _columns(self, places: Places) -> Values:
        """Contributions to some of the known numbers."""
        found = np.empty((len(self._sizes), len(places)), order="F")
        start = 0
        for message in (*self._earlier, self._new):
            is_here = (places >= start) & (places < start + len(message.floor))
            if is_here.any():
                found[:, is_here] = select(message.columns, places[is_here] - start)
            start += len(message.floor)
        return found

    def _fewest_apart(self, one: Places, other: Places, group: Places) -> int:
        """The least number of blocks that tells two of some pairs apart, copies left out; `limit` when there is none below."""
        fewest = self._limit
        for piece in pieces(len(one)):
            left, rounding = residuals(self._columns(one[piece]), self._columns(other[piece]), self._sizes, group)
            counts = count_deviating(left, rounding)
            fewest = min(fewest, int(counts[counts > 0].min(initial=fewest)))
        return fewest


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers of a message."""

    columns: Values
    """Contributions, shape (M, k)."""
    projected: Values
    """On the secret directions of all blocks and of each group, shape (2 + 2 groups, k)."""
    floor: Values
    """Rounding of the projections, shape (k,)."""
