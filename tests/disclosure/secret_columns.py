"""How much of a whole secret column a card tells who knows all other columns, and how many numbers about it a site counts.

Near the truth the numbers of a card are linear in the cells of the column. With J what each cell adds to each number, in sds of its error,
a column of independent cells with sd 1 is told by R² = tr J'(JJ' + I)⁻¹J / rows of its variance; its mean counts as known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.life_budget import error_size
from sandbox.life import Fit, n_about
from tests.disclosure.stated import File, Reader, state

Values = npt.NDArray[np.float64]
EXACT: Final = 1e-5
"""Size of an error that stands for none."""


@dataclass(frozen=True, slots=True)
class Told:
    """Of one column."""

    share: float
    """R²."""
    numbers: int
    """About it, as a life counts them, per version."""
    rows: int

    @property
    def bound(self) -> float:
        """The goal for `share`."""
        return self.numbers / self.rows + 0.08


def told(file: File, name: str, policy: Policy, secret: bytes) -> Told:
    """What a card of `file` tells of a column, all its targets having own fits."""
    n, place = len(file.values), file.place(name)
    stated, reader, values = state(file, policy, secret), Reader(file), file.values[:, place]
    is_two_valued, sd = len(np.unique(values)) == 2, float(values.std())
    base, sizes = reader.numbers(stated, file)
    columns = []
    for row in range(n):
        changed = 1.0 - values[row] if is_two_valued else values[row] + sd / 2
        moved, _ = reader.numbers(stated, file.having(row, name, changed))
        columns.append((base - moved) / (changed - values[row]) * sd)
    J = np.array(columns).T / (max(error_size(policy, n), EXACT) * sizes)[:, None]
    J -= J.mean(axis=1, keepdims=True)
    K = J @ J.T
    share = float(np.trace(np.linalg.solve(K + np.eye(len(K)), K))) / n
    return Told(share, numbers_about(file, name), n)


def numbers_about(file: File, name: str) -> int:
    """In the joint Gram, with how many rows show it, and in the own fits of all binary targets."""
    k = len(file.names)
    fit = Fit(0, tuple(range(k - 1)))
    return k + 2 + sum(n_about(fit, is_target=target == name) for target in file.binary)
