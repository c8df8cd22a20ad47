"""Secret orders of rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gate.draws import RowDraws
from sandbox.gate.partition import MAX_BLOCKS, secret_partition

DRAWS = RowDraws(bytes(range(16)))


@given(st.integers(1, 3000), st.integers(1, 600))
def test_every_row_is_in_one_block_and_blocks_differ_by_one_row_at_most(n_rows: int, n_blocks: int) -> None:
    found = secret_partition(DRAWS, np.arange(n_rows), 1, n_blocks)
    assert sorted(found.order.tolist()) == list(range(n_rows))
    assert sum(found.sizes) == n_rows
    assert len(found.sizes) == min(n_blocks, n_rows)
    assert max(found.sizes) - min(found.sizes) <= 1


@given(st.integers(1, 500))
def test_what_was_put_in_a_secret_order_can_be_put_back(n_rows: int) -> None:
    found = secret_partition(DRAWS, np.arange(n_rows), 2, MAX_BLOCKS)
    values = np.arange(n_rows, dtype=float)
    assert (found.restore(values[found.order]) == values).all()


def test_orders_of_other_numbers_and_other_secrets_have_nothing_in_common() -> None:
    rows = np.arange(2000)
    orders = [
        secret_partition(DRAWS, rows, 1, 1).order,
        secret_partition(DRAWS, rows, 2, 1).order,
        secret_partition(RowDraws(bytes(16)), rows, 1, 1).order,
        rows,
    ]
    for number, one in enumerate(orders):
        for other in orders[number + 1 :]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.1
            assert (one == other).sum() < 20


def test_the_order_of_a_row_does_not_depend_on_where_the_file_is_cut() -> None:
    rows = np.arange(400)
    whole = secret_partition(DRAWS, rows, 1, 1).order
    part = secret_partition(DRAWS, rows[:200], 1, 1).order
    assert [place for place in whole.tolist() if place < 200] == part.tolist()
