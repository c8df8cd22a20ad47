from __future__ import annotations

import random

import pytest

from sandbox.contract import Column, Contract
from sandbox.errors import Code, InputError
from sandbox.rounds.constants import constants_from
from sandbox.wire.values import Array, Record, floats

CONTRACT = Contract((Column("y", "target", "continuous"), Column("k", "predictor")))


def margins(columns: list[list[float]]) -> Record:
    n = b"".join(len(column).to_bytes(8, "little") for column in columns)
    return {
        "n": Array("<i8", (len(columns),), n),
        "total": floats([sum(column) for column in columns]),
        "total_squares": floats([sum(x * x for x in column) for column in columns]),
    }


def test_centre_and_scale_are_those_of_the_pooled_rows() -> None:
    draw = random.Random(1)
    parts = [[draw.gauss(5, 3) for _ in range(n)] for n in (40, 70, 9)]
    pooled = [x for part in parts for x in part]
    mean = sum(pooled) / len(pooled)
    sd = (sum((x - mean) ** 2 for x in pooled) / len(pooled)) ** 0.5
    constants = constants_from([margins([part, [2.0] * len(part)]) for part in parts], CONTRACT)
    assert constants.centre.numbers()[0] == pytest.approx(mean, rel=1e-12)
    assert constants.scale.numbers()[0] == pytest.approx(sd, rel=1e-10)


def test_a_constant_column_has_scale_one() -> None:
    constants = constants_from([margins([[1.0, 2.0], [0.1, 0.1]])], CONTRACT)
    assert constants.scale.numbers()[1] == 1.0
    assert constants.centre.numbers()[1] == pytest.approx(0.1)


def test_a_column_observed_nowhere_is_named() -> None:
    with pytest.raises(InputError) as caught:
        constants_from([margins([[], [1.0, 2.0]])], CONTRACT)
    assert caught.value.code is Code.FIT_TOO_FEW_ROWS
    assert "'y'" in str(caught.value)
