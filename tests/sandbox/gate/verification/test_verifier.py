"""All rules on the sums of a job together."""

from __future__ import annotations

import numpy as np

from policies import built_in
from sandbox.gate.verification import Verifier

DEFAULT = built_in("default")


def moments(rows: np.ndarray) -> np.ndarray:
    """X'X of each row, shape (n, q)."""
    return np.einsum("ij,ik->ijk", rows, rows).reshape(len(rows), -1)


def test_the_cross_products_of_honest_rows_leave_and_cost_nothing_the_second_time() -> None:
    random = np.random.default_rng(1)
    blocks = moments(np.column_stack([np.ones(300), random.normal(size=(300, 6))]))
    verifier = Verifier(np.ones(300), DEFAULT, 10, random, is_reviewed=True)
    for _ in range(3):
        assert verifier.check("moments", blocks.sum(axis=0), blocks) == []
        verifier.accept("moments", blocks)
    assert verifier.n_spent == 27


def test_a_first_row_is_no_sum() -> None:
    random = np.random.default_rng(1)
    blocks = moments(random.normal(size=(300, 4)))
    verifier = Verifier(np.ones(300), DEFAULT, 10, random, is_reviewed=True)
    assert [breach.rule for breach in verifier.check("first", blocks[0], blocks)] == ["additive"]
