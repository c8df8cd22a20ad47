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
from sandbox.gate.verification.contributions import TAU, Values, centred_weights, directions, magnitude

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
        share = policy.max_job_sums_per_row if is_reviewed else policy.max_sums_per_row
        self._limit = math.floor(share * float(sizes.sum()))
        is_used = np.ones(len(sizes), dtype=np.bool_) if is_complete is None else is_complete
        if 2 * np.count_nonzero(is_used) < len(sizes):
            is_used = np.ones(len(sizes), dtype=np.bool_)
        self._used = np.flatnonzero(is_used)
        sizes = sizes[self._used]
        # Of single rows the rank is what it says; of blocks only while it is small beside their number.
        self._room = len(sizes) if sizes.max(initial=0.0) <= 1.0 else len(sizes) // 3
        self._basis: Values | None = (sizes / np.linalg.norm(sizes))[:, None]
        self._weights = (centred_weights(sizes, random), centred_weights(sizes, random))
        self._seen = np.empty((2, 0))
        self.n_spent = 0
        """New numbers that left so far."""

    def check(self, blocks: Values) -> list[Breach]:
        """Whether the numbers of a message, shape (M, q) without copies, may leave after those that did."""
        self._columns, self._directions = self._unseen(blocks[self._used])
        self._n_new, self._grown = self._count()
        n_numbers = self.n_spent + self._n_new
        return [Breach("sum_budget", n_numbers, self._limit)] if n_numbers > self._limit else []

    def accept(self) -> None:
        """The numbers that were checked last leave."""
        self.n_spent += self._n_new
        self._basis = self._grown
        self._seen = np.concatenate([self._seen, self._directions], axis=1)
        self._seen = self._seen[:, np.argsort(self._seen[0], kind="stable")]

    def _unseen(self, blocks: Values) -> tuple[Values, Values]:
        """Those columns that are no copies of earlier ones, scaled to Σ|C| = 1, and their directions, shape (2, columns)."""
        scale = magnitude(blocks)
        columns = blocks[:, scale > 0] / scale[scale > 0]
        found = np.stack([directions(weights @ columns, np.full(columns.shape[1], TAU)) for weights in self._weights])
        varies = ~np.isnan(found).any(axis=0)
        columns, found = columns[:, varies], found[:, varies]
        start = np.searchsorted(self._seen[0], found[0] - COPY)
        is_copy = np.zeros(len(start), dtype=np.bool_)
        for ahead in range(2):
            place = np.minimum(start + ahead, max(self._seen.shape[1] - 1, 0))
            if self._seen.shape[1]:
                is_copy |= (np.abs(self._seen[:, place] - found) <= COPY).all(axis=0)
        return columns[:, ~is_copy], found[:, ~is_copy]

    def _count(self) -> tuple[int, Values | None]:
        """How many numbers are new, and the basis that has them (None when blocks are too few to tell a rank)."""
        basis, columns = self._basis, self._columns
        if not columns.shape[1]:
            return 0, basis
        if basis is None or (basis.shape[1] + columns.shape[1] > self._room and self._room < len(self._used)):
            return columns.shape[1], None
        for _ in range(2):
            columns = columns - basis @ (basis.T @ columns)
        orthonormal, triangular, _ = qr(columns, mode="economic", pivoting=True, check_finite=False)
        rank = int(np.count_nonzero(np.abs(np.diagonal(triangular)) > NEW))
        return rank, np.concatenate([basis, orthonormal[:, :rank]], axis=1)
