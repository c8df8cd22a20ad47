"""How many numbers code may send about the rows. C9 of the study: sums over chosen subsets of rows give the rows back by linear algebra.

What counts is how many numbers are new: not determined by those that left before in this job, for any values of the rows. That is the rank
of the contributions, as long as there are more blocks than numbers; beyond that, numbers that are no copies are counted. Blocks in which a
cell was filled change with every draw, in a way that nobody but the site knows, so where most blocks are complete only those are looked at:
the cross-products of a sweep of Gaussian targets are the same sweep after sweep.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr

from policies import Policy
from policies.disclosure import Breach
from sandbox.gate.verification.contributions import TAU, Places, Values, centred_weights, directions, magnitude, select

NEW: Final = 16 * TAU
"""What is determined by earlier numbers up to this share of Σ|C| is not new: it is below the release grid."""
COPY: Final = 1e-10
"""Difference of directions (radians) up to which a number is a copy of an earlier one."""


def check_message_size(n_numbers: int, n_rows: int, policy: Policy) -> list[Breach]:
    """One message: `n_numbers` numbers that are no copies, for `n_rows` rows."""
    limit = math.floor(policy.max_sums_per_row * n_rows)
    return [Breach("sum_budget", n_numbers, limit)] if n_numbers > limit else []


class SumBudget:
    """The numbers that left in one job, by what they add to each other."""

    def __init__(
        self,
        sizes: Values,
        policy: Policy,
        random: np.random.Generator,
        *,
        is_reviewed: bool,
        is_complete: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Start a job. `is_complete`: the blocks, shape (M,), whose rows have no cell that the code fills; all by default."""
        share = policy.max_job_sums_per_row if is_reviewed else policy.max_unreviewed_sums_per_row
        self._limit = math.floor(share * float(sizes.sum()))
        is_used = np.ones(len(sizes), dtype=np.bool_) if is_complete is None else is_complete
        if 2 * np.count_nonzero(is_used) < len(sizes):
            is_used = np.ones(len(sizes), dtype=np.bool_)
        self._used = np.flatnonzero(is_used)
        used = sizes[self._used]
        # Of single rows the rank is what it says; of blocks only while it is small beside their number.
        self._is_exact = bool(used.max(initial=0.0) <= 1.0)
        self._basis: Values | None = (used / np.linalg.norm(used))[:, None]
        self._weights = np.zeros((4, len(sizes)))
        self._weights[:, self._used] = np.concatenate([centred_weights(used, random), centred_weights(used, random)])
        self._seen = np.empty((2, 0))
        self.n_spent = 0
        """New numbers that left so far."""

    def check(self, blocks: Values) -> list[Breach]:
        """Whether the numbers of a message, shape (M, q) without copies, may leave after those that did."""
        places, self._directions = self._unseen(blocks)
        self._n_new, self._grown = self._count(blocks, places)
        n_numbers = self.n_spent + self._n_new
        return [Breach("sum_budget", n_numbers, self._limit)] if n_numbers > self._limit else []

    def accept(self) -> None:
        """The numbers that were checked last leave."""
        self.n_spent += self._n_new
        self._basis = self._grown
        self._seen = np.concatenate([self._seen, self._directions], axis=1)
        self._seen = self._seen[:, np.argsort(self._seen[0], kind="stable")]

    def _unseen(self, blocks: Values) -> tuple[Places, Values]:
        """The numbers that are neither constant per row nor copies of earlier ones, and their two directions, shape (2, numbers)."""
        projected, floor = self._weights @ blocks, TAU * magnitude(blocks)
        found = np.stack([directions(projected[:2], floor), directions(projected[2:], floor)])
        is_unseen = ~np.isnan(found).any(axis=0)
        start = np.searchsorted(self._seen[0], found[0] - COPY)
        # Earlier numbers are no copies of each other: beside the first that may be the same there is room for chance, not for many.
        for ahead in range(min(2, self._seen.shape[1])):
            candidates = self._seen[:, np.minimum(start + ahead, self._seen.shape[1] - 1)]
            is_unseen &= ~(np.abs(candidates - found) <= COPY).all(axis=0)
        return np.flatnonzero(is_unseen), found[:, is_unseen]

    def _count(self, blocks: Values, places: Places) -> tuple[int, Values | None]:
        """How many of the numbers are new, and the basis that has them (None when blocks are too few to tell a rank)."""
        basis = self._basis
        if not len(places):
            return 0, basis
        if basis is None or not (self._is_exact or 3 * (basis.shape[1] + len(places)) <= len(self._used)):
            return len(places), None
        columns = select(blocks, places)[self._used]
        columns /= magnitude(columns)
        for _ in range(2):
            columns -= basis @ (basis.T @ columns)
        orthonormal, triangular, _ = qr(columns, mode="economic", pivoting=True, check_finite=False)
        rank = int(np.count_nonzero(np.abs(np.diagonal(triangular)) > NEW))
        return rank, np.concatenate([basis, orthonormal[:, :rank]], axis=1)
