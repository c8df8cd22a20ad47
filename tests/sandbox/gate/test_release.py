"""What leaves is rounded, finite, declared and written down; an entry never holds a value."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import built_in
from sandbox.errors import Code
from sandbox.gate.guard import Refusal
from sandbox.gate.kernels import Answer
from sandbox.gate.release import Field, Origin, Part, grid_step, make_record, release, round_to
from sandbox.manifest import PARTS
from sandbox.wire.messages import round_reply
from tests.one_chain import answer

POLICY = built_in("default")
ORIGIN = Origin("job", "site", "pair", "contract")


def gram(**change: object) -> Answer:
    parts = {"n": np.asarray(100), "XX": np.array([[2.0, -0.0], [-0.0, 100.0]]), "Xy": np.array([1 / 3, 2.0]), "yy": np.asarray(7.0)}
    bounds = {"XX": np.full((2, 2), 100.0), "Xy": np.full(2, 100.0), "yy": np.asarray(100.0)}
    return Answer("gram", 100, {**parts, **change}, bounds)  # type: ignore[dict-item]


@given(st.floats(1e-6, 1e6), st.sampled_from([1.6e-10, 1e-6]))
def test_the_grid_is_the_largest_power_of_two_not_above_its_share(bound: float, grid: float) -> None:
    step = float(grid_step(bound, grid))
    assert np.frexp(step)[0] == 0.5
    assert step <= grid * bound < 2 * step


@pytest.mark.parametrize("bound", [5e-324, 1e-310, 1e-299])
def test_numbers_scaled_down_are_rounded_too(bound: float) -> None:
    assert grid_step(bound, 1.6e-10) == np.finfo(float).tiny
    assert grid_step(bound, 0.0) == 0.0


@given(st.floats(-1e6, 1e6), st.integers(-40, 0))
def test_rounding_moves_a_number_by_half_a_step_at_most_onto_the_grid(number: float, exponent: int) -> None:
    step = np.asarray(2.0**exponent)
    rounded = float(round_to(np.asarray(number), step))
    assert abs(rounded - number) <= step / 2
    assert rounded / step == round(rounded / step)


def test_no_grid_is_no_rounding_and_negative_zero_never_leaves() -> None:
    record = make_record(gram(), PARTS["gram"], msgspec.structs.replace(POLICY, gram_grid=0.0), {"q": 2, "c": 4})
    assert np.frombuffer(record["Xy"].data).tolist() == [1 / 3, 2.0]
    assert not np.signbit(np.frombuffer(record["XX"].data)).any()


def test_a_record_has_the_declared_parts_and_only_its_copy_is_rounded() -> None:
    answer = gram()
    record = make_record(answer, PARTS["gram"], POLICY, {"q": 2, "c": 4})
    assert {part: (array.dtype, array.shape) for part, array in record.items()} == {
        "n": ("<i8", ()),
        "XX": ("<f8", (2, 2)),
        "Xy": ("<f8", (2,)),
        "yy": ("<f8", ()),
    }
    assert record["Xy"].numbers()[0] != 1 / 3
    assert answer.parts["Xy"][0] == 1 / 3


def test_the_log_likelihood_tells_its_own_step() -> None:
    parts = {"n": np.asarray(9), "H": np.eye(1), "g": np.zeros(1), "loglik": np.asarray(-123.456)}
    bounds = {"H": np.eye(1), "g": np.ones(1), "loglik": np.asarray(123.456)}
    record = make_record(Answer("glm_score", 9, parts, bounds), PARTS["glm_score"], POLICY, {"q": 1, "c": 4})
    step = record["loglik_step"].scalar()
    assert step == grid_step(123.456, POLICY.gram_grid)
    assert abs(record["loglik"].scalar() + 123.456) <= step / 2


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_refuses(number: float) -> None:
    with pytest.raises(Refusal) as caught:
        make_record(gram(yy=np.asarray(number)), PARTS["gram"], POLICY, {"q": 2, "c": 4})
    assert caught.value.code is Code.RULE_NOT_FINITE


@pytest.mark.parametrize("bound", [np.nan, np.inf])
def test_a_bound_that_is_not_finite_refuses_rather_than_leave_its_number_unrounded(bound: float) -> None:
    refused = dataclasses.replace(gram(), bounds={**gram().bounds, "yy": np.asarray(bound)})
    with np.errstate(invalid="ignore"), pytest.raises(Refusal) as caught:  # as in a gate
        make_record(refused, PARTS["gram"], POLICY, {"q": 2, "c": 4})
    assert caught.value.code is Code.RULE_NOT_FINITE


def test_a_shape_that_is_not_declared_refuses() -> None:
    with pytest.raises(Refusal) as caught:
        make_record(gram(), PARTS["gram"], POLICY, {"q": 3, "c": 4})
    assert caught.value.code is Code.RULE_UNDECLARED


def test_an_entry_describes_what_left_by_name_shape_and_hash() -> None:
    record = make_record(gram(), PARTS["gram"], POLICY, {"q": 2, "c": 4})
    part = Part(0, [{"step": "moments"}], {"moments": Field("gram", record, 3)})
    released = release(ORIGIN, 5, [part], {"min_rows": "pass"}, 10_000)
    entry = json.loads(released.entry)
    data = b"".join(array.data for array in record.values())
    assert entry["fields"] == [
        {
            "chain": 1,
            "step": "moments",
            "name": "moments",
            "kind": "gram",
            "shape": {"n": [], "XX": [2, 2], "Xy": [2], "yy": []},
            "scalars": 8,
            "new": 3,
            "bytes": 64,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    ]
    assert (entry["kind"], entry["round"], entry["job"], entry["participant"]) == ("release", 5, "job", "site")
    assert entry["rules"] == {"min_rows": "pass"}
    assert entry["sha256"] == hashlib.sha256(released.body).hexdigest()
    assert answer(round_reply.decode(released.body)).fields == {"moments": record}


def test_a_reply_larger_than_a_frame_refuses() -> None:
    part = Part(0, [{"step": "moments"}], {"moments": Field("gram", make_record(gram(), PARTS["gram"], POLICY, {"q": 2, "c": 4}), 3)})
    with pytest.raises(Refusal) as caught:
        release(ORIGIN, 5, [part], {}, 50)
    assert caught.value.code is Code.LIMIT_FRAME


def test_a_refusal_sends_its_code_and_keeps_the_line() -> None:
    released = release(ORIGIN, 5, [Part(0, refusal=Refusal(Code.WORKER_RAISED, 17))], {}, 50)
    reply = answer(round_reply.decode(released.body))
    assert (reply.refused, reply.fields) == (Code.WORKER_RAISED, {})
    assert json.loads(released.entry)["refused"] == [{"chain": 1, "code": "worker.raised", "line": 17}]
    assert released.is_refused
