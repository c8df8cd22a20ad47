"""What central may send."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import check_request

DEFAULT = built_in("default")
EACH, TOGETHER = 2 * DEFAULT.max_abs_eta, 5 * DEFAULT.max_abs_eta


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        ([], False),
        ([EACH], False),
        ([-EACH * 1.001], True),
        ([EACH, -EACH, EACH / 2], False),
        ([EACH, -EACH, EACH / 2, 0.1], True),
        ([1.0] * int(TOGETHER), False),
        ([1.0] * (int(TOGETHER) + 1), True),
        ([float("nan")], True),
        ([float("inf")], True),
    ],
)
def test_numbers_are_bounded_each_and_together(values: list[float], is_refused: bool) -> None:
    assert [breach.rule for breach in check_request(np.array(values), DEFAULT)] == ["request_bounds"] * is_refused
