"""Aggregates are the sums over participants."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.errors import PeerError
from sandbox.estimation.aggregates import Gradient, Gram, Score
from sandbox.wire.values import Array, floats
from sandbox.worker.arrays import from_numpy, to_numpy
from sandbox.worker.records import read, total


def count(n: int) -> Array:
    return Array("<i8", (), n.to_bytes(8, "little"))


def test_arrays_survive_the_wire_and_come_back_read_only() -> None:
    values = np.arange(6.0).reshape(2, 3)
    back = to_numpy(from_numpy(values))
    assert back.tolist() == values.tolist()
    with pytest.raises(ValueError, match="read-only"):
        back[0, 0] = 1


def test_scalars_and_transposed_arrays_keep_their_shape() -> None:
    assert from_numpy(2).shape == ()
    assert to_numpy(from_numpy(np.arange(6.0).reshape(2, 3).T)).tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("values", ["text", [1, "a"], [1j], [object()]])
def test_only_real_numbers_travel(values: object) -> None:
    with pytest.raises(ValueError, match="real numbers"):
        from_numpy(values)  # type: ignore[arg-type]


def test_grams_add_up_part_by_part() -> None:
    record = {"n": count(3), "XX": floats(range(4), (2, 2)), "Xy": floats([1, 2]), "yy": floats([5], ())}
    gram = read("gram", record, 2)
    assert isinstance(gram, Gram)
    twice = total([gram, gram])
    assert isinstance(twice, Gram)
    assert (twice.n, twice.XX.tolist(), twice.Xy.tolist(), twice.yy, twice.n_intercepts) == (6, [[0, 2], [4, 6]], [2, 4], 10.0, 2)


def test_scores_add_up_with_their_rounding() -> None:
    parts = {"H": floats([2], (1, 1)), "g": floats([1]), "loglik": floats([-3], ()), "loglik_step": floats([0.5], ())}
    score = read("glm_score", {"n": count(4), **parts}, 1)
    twice = total([score, score])
    assert isinstance(twice, Score)
    assert (twice.n, twice.H.tolist(), twice.g.tolist(), twice.loglik, twice.loglik_step) == (8, [[4]], [2], -6.0, 1.0)


def test_records_of_two_kinds_do_not_add() -> None:
    with pytest.raises(PeerError):
        total([Gradient(1, np.ones(1)), Gram(1, np.eye(1), np.ones(1), 1.0)])


def test_a_kind_no_blind_step_answers_with_is_refused() -> None:
    with pytest.raises(PeerError):
        read("margins", {}, 1)
