"""What two messages of one step may differ by."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.gate.verification import check_difference


@pytest.mark.parametrize(("n_changed", "broken"), [(0, []), (1, [1]), (9, [9]), (10, []), (100, [])])
def test_none_or_enough_blocks_change(n_changed: int, broken: list[int]) -> None:
    before = np.random.default_rng(0).normal(size=(100, 300))
    after = before.copy()
    after[:n_changed, 200] += 1.0
    after[:3, 7] += 1e-11
    found = check_difference(after, before, 10)
    assert [breach.found for breach in found] == broken
    assert {breach.rule for breach in found} <= {"difference"}


def test_padding_does_not_count_as_a_change() -> None:
    before = np.random.default_rng(0).normal(size=(100, 1))
    after = before + 1e-9
    after[3] += 1.0
    assert [breach.found for breach in check_difference(after, before, 10)] == [1]
