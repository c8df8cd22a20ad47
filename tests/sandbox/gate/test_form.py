"""Central's requests and a worker's kernels are held to the manifest, whoever runs the gate."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.gate.form import check_calls, check_request
from sandbox.gate.guard import Refusal
from sandbox.manifest import ReplyField, RequestField, Step
from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import Array, floats

CONTRACT = Contract(
    (Column("x", "predictor"), Column("y", "target", "continuous"), Column("b", "target", "binary", ("0", "1")), Column("t", "ignored"))
)
Q = 3
BETA = floats([1.0, 2.0, 3.0])
STEP = Step(
    request={
        "target": RequestField("column"),
        "beta": RequestField("float", ("q",)),
        "sigma": RequestField("float"),
        "k": RequestField("int"),
        "flag": RequestField("bool"),
    },
    reply={"moments": ReplyField("gram")},
)
REQUEST: dict[str, Any] = {"target": 2, "beta": BETA, "sigma": 1.5, "k": 3, "flag": True}
GRAM = KernelCall("gram", 2)


def test_a_declared_request_passes() -> None:
    check_request(REQUEST, STEP, CONTRACT, Q)
    check_request({**REQUEST, "sigma": 2}, STEP, CONTRACT, Q)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"extra": 1}, Code.RULE_UNDECLARED),
        ({"target": 1}, Code.RULE_UNDECLARED),
        ({"target": 4}, Code.RULE_UNDECLARED),
        ({"target": 0}, Code.RULE_UNDECLARED),
        ({"target": True}, Code.RULE_UNDECLARED),
        ({"target": 2.0}, Code.RULE_UNDECLARED),
        ({"target": "2"}, Code.RULE_UNDECLARED),
        ({"beta": floats([1.0, 2.0])}, Code.RULE_UNDECLARED),
        ({"beta": floats([1.0, 2.0, 3.0], (3, 1))}, Code.RULE_UNDECLARED),
        ({"beta": Array("<i8", (3,), bytes(24))}, Code.RULE_UNDECLARED),
        ({"beta": 1.0}, Code.RULE_UNDECLARED),
        ({"beta": floats([1.0, float("nan"), 3.0])}, Code.RULE_NOT_FINITE),
        ({"sigma": float("inf")}, Code.RULE_NOT_FINITE),
        ({"sigma": True}, Code.RULE_UNDECLARED),
        ({"sigma": floats([1.0], ())}, Code.RULE_UNDECLARED),
        ({"k": 1.5}, Code.RULE_UNDECLARED),
        ({"flag": 1}, Code.RULE_UNDECLARED),
    ],
)
def test_a_request_that_is_not_declared_is_refused(change: dict[str, Any], code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        check_request({**REQUEST, **change}, STEP, CONTRACT, Q)
    assert caught.value.code is code


def test_a_request_without_a_declared_argument_is_refused() -> None:
    with pytest.raises(Refusal):
        check_request({name: value for name, value in REQUEST.items() if name != "k"}, STEP, CONTRACT, Q)


def test_a_field_filled_by_its_kernel_passes_beside_a_draw() -> None:
    check_calls(StepDone((KernelCall("draw", 2, "gaussian", BETA, 1.0), GRAM), {"moments": 1}), STEP, CONTRACT, Q)


@pytest.mark.parametrize(
    "done",
    [
        StepDone(),
        StepDone((GRAM,)),
        StepDone((GRAM,), {"other": 0}),
        StepDone((GRAM,), {"moments": 1}),
        StepDone((GRAM,), {"moments": -1}),
        StepDone((GRAM, GRAM), {"moments": 0}),
        StepDone((GRAM,), {"moments": 0, "more": 0}),
        StepDone((KernelCall("imputed_summary", 2),), {"moments": 0}),
        StepDone((KernelCall("draw", 2, "gaussian", BETA, 1.0),), {"moments": 0}),
        StepDone((KernelCall("gram", 1),), {"moments": 0}),
        StepDone((KernelCall("gram", 2, beta=BETA),), {"moments": 0}),
        StepDone((KernelCall("gram", 2, "gaussian"),), {"moments": 0}),
        StepDone((*[KernelCall("draw", 2, "gaussian", BETA, 1.0)] * 64, GRAM), {"moments": 64}),
    ],
)
def test_kernels_that_do_not_fill_the_declared_fields_are_refused(done: StepDone) -> None:
    with pytest.raises(Refusal) as caught:
        check_calls(done, STEP, CONTRACT, Q)
    assert caught.value.code is Code.RULE_UNDECLARED


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (KernelCall("draw", 2, "binomial", BETA), Code.RULE_UNDECLARED),
        (KernelCall("draw", 3, "gaussian", BETA, 1.0), Code.RULE_UNDECLARED),
        (KernelCall("draw", 3, "binomial", BETA, 1.0), Code.RULE_UNDECLARED),
        (KernelCall("draw", 2, "gaussian", BETA), Code.RULE_UNDECLARED),
        (KernelCall("draw", 2, "gaussian", None, 1.0), Code.RULE_UNDECLARED),
        (KernelCall("draw", 2, "gaussian", floats([1.0]), 1.0), Code.RULE_UNDECLARED),
        (KernelCall("draw", 2, "gaussian", floats([1.0, 2.0, float("inf")]), 1.0), Code.RULE_NOT_FINITE),
        (KernelCall("draw", 2, "gaussian", BETA, float("nan")), Code.RULE_NOT_FINITE),
        (KernelCall("draw", 2, "gaussian", BETA, -1.0), Code.RULE_NOT_FINITE),
        (KernelCall("draw", 1, "gaussian", BETA, 1.0), Code.RULE_UNDECLARED),
    ],
)
def test_a_draw_with_wrong_arguments_is_refused(call: KernelCall, code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        check_calls(StepDone((call,)), Step(), CONTRACT, Q)
    assert caught.value.code is code


def test_a_score_of_a_continuous_target_is_refused() -> None:
    step = Step(reply={"score": ReplyField("glm_score")})
    check_calls(StepDone((KernelCall("glm_score", 3, "binomial", BETA),), {"score": 0}), step, CONTRACT, Q)
    with pytest.raises(Refusal):
        check_calls(StepDone((KernelCall("glm_score", 2, "binomial", BETA),), {"score": 0}), step, CONTRACT, Q)
