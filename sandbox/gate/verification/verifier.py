"""All rules on the sums of one job, asked in order: whether a message of code that sees rows may leave.

Holds contributions of blocks (of what left), never a row.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import Breach
from sandbox.gate.verification.additivity import check_additive
from sandbox.gate.verification.change import check_difference
from sandbox.gate.verification.contributions import Values, distinct, fewest_blocks, select
from sandbox.gate.verification.dominance import check_dominance
from sandbox.gate.verification.innovation import SumBudget, check_message_size
from sandbox.gate.verification.lattice import check_lattice
from sandbox.gate.verification.leverage import check_leverage
from sandbox.gate.verification.pairs import Pairs

SUM_RULES: Final = ("additive", "contributors", "dominance", "difference", "span", "sum_budget", "cell_cross", "value")
"""What :meth:`Verifier.check`, `check_counts` and `check_values` judge."""


class Verifier:
    """Judges the messages of one job."""

    def __init__(
        self,
        sizes: Values,
        policy: Policy,
        difference_limit: int,
        random: np.random.Generator,
        *,
        is_reviewed: bool,
        is_complete: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Start a job.

        Args:
            sizes: rows of each block, shape (M,). The split is the same over the job.
            policy: of the site.
            difference_limit: rows in which two messages of one step about the same targets may differ at least.
            random: of this job, from the site's secret.
            is_reviewed: whether the site approved the code.
            is_complete: see :class:`sandbox.gate.verification.innovation.SumBudget`.
        """
        self._sizes, self._policy, self._random = sizes, policy, random
        self._fewest_changed = fewest_blocks(difference_limit, sizes)
        self._pairs = Pairs(sizes, fewest_blocks(policy.min_cell_cross, sizes), random)
        self._budget = SumBudget(sizes, policy, random, is_reviewed=is_reviewed, is_complete=is_complete)
        self._previous: dict[Hashable, Values] = {}

    @property
    def n_spent(self) -> int:
        """New numbers that left so far."""
        return self._budget.n_spent

    def check(self, key: Hashable, whole: Values, blocks: Values) -> list[Breach]:
        """Whether a message may leave: all its numbers on all rows, shape (q,), and by block, shape (M, q). `key`: its step and targets."""
        breaches = check_additive(whole, blocks)
        if breaches:
            return breaches
        numbers = select(blocks, distinct(blocks, self._sizes, self._random))
        breaches = check_message_size(numbers.shape[1], int(self._sizes.sum()), self._policy)
        if breaches:
            return breaches
        breaches = check_dominance(numbers, self._sizes, self._policy)
        previous = self._previous.get(key)
        if previous is not None and previous.shape == blocks.shape:
            breaches += check_difference(blocks, previous, self._fewest_changed)
        breaches += self._pairs.check(numbers)
        breaches += check_leverage(numbers, self._sizes, self._random)
        return breaches + self._budget.check(numbers)

    def has_lattice(self, blocks: Values) -> bool:
        """Whether a value may hide in the last digits of a number: a notice."""
        return bool(check_lattice(blocks, self._sizes, self._policy, self._random))

    def accept(self, key: Hashable, blocks: Values, *, leaves: bool = True) -> None:
        """The message that was checked last is used, by central or (when it does not leave) by the gate: later ones are told from it."""
        self._previous[key] = blocks
        self._pairs.accept()
        if leaves:
            self.spend()

    def spend(self) -> None:
        """What was checked last leaves after all."""
        self._budget.accept()
