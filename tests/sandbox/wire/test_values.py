import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.wire.values import Array, floats


@given(st.lists(st.floats(allow_nan=False)))
def test_numbers_come_back_as_they_went_in(numbers: list[float]) -> None:
    assert list(floats(numbers).numbers()) == numbers


def test_rows_are_cut_in_c_order() -> None:
    assert floats([1, 2, 3, 4, 5, 6], (2, 3)).rows() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 1, 1, 1), (-1,), (1 << 17,)])
def test_a_shape_that_does_not_match_the_bytes_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        Array("<f8", shape, b"\0" * 16)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_seen(number: float) -> None:
    assert not floats([0.0, number]).is_finite
    assert floats([0.0, 1e308]).is_finite


def test_numbers_whose_sum_is_not_finite_are_finite_and_infinities_that_cancel_are_not() -> None:
    assert floats([1e308] * 3).is_finite
    assert not floats([math.inf, -math.inf]).is_finite
    assert not floats([*[1e308] * 3, math.nan]).is_finite
