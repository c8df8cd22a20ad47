"""A worker's kernels are held to the manifest, whoever runs the gate. Requests: tests/sandbox/test_declared.py."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.contract import Column, Contract
from sandbox.declared import Declarations
from sandbox.errors import Code
from sandbox.gate.form import check_calls
from sandbox.gate.guard import Refusal
from sandbox.manifest import ReplyField, Step, parse_manifest
from sandbox.scaffold import MANIFEST
from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import floats

CONTRACT = Contract(
    (Column("x", "predictor"), Column("y", "target", "continuous"), Column("b", "target", "binary", ("0", "1")), Column("t", "ignored"))
)
BETA = floats([1.0, 2.0, 3.0])
STEP = Step(reply={"moments": ReplyField("gram")})
DECLARED = Declarations(parse_manifest(MANIFEST.format(name="X").encode()), CONTRACT, central_intercept=False)
GRAM = KernelCall("gram", 2)


def test_a_field_filled_by_its_kernel_passes_beside_a_draw() -> None:
    check_calls(StepDone((KernelCall("draw", 2, "gaussian", BETA, 1.0), GRAM), {"moments": 1}), STEP, CONTRACT, DECLARED)


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
        StepDone((KernelCall("glm_gradient", 2, "gaussian", BETA),), {"moments": 0}),
        StepDone((KernelCall("draw", 2, "gaussian", BETA, 1.0),), {"moments": 0}),
        StepDone((KernelCall("gram", 1),), {"moments": 0}),
        StepDone((KernelCall("gram", 2, beta=BETA),), {"moments": 0}),
        StepDone((KernelCall("gram", 2, "gaussian"),), {"moments": 0}),
        StepDone((*[KernelCall("draw", 2, "gaussian", BETA, 1.0)] * 64, GRAM), {"moments": 64}),
    ],
)
def test_kernels_that_do_not_fill_the_declared_fields_are_refused(done: StepDone) -> None:
    with pytest.raises(Refusal) as caught:
        check_calls(done, STEP, CONTRACT, DECLARED)
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
        check_calls(StepDone((call,)), Step(), CONTRACT, DECLARED)
    assert caught.value.code is code


def test_a_score_of_a_continuous_target_is_refused() -> None:
    step = Step(reply={"score": ReplyField("glm_score")})
    check_calls(StepDone((KernelCall("glm_score", 3, "binomial", BETA),), {"score": 0}), step, CONTRACT, DECLARED)
    with pytest.raises(Refusal):
        check_calls(StepDone((KernelCall("glm_score", 2, "binomial", BETA),), {"score": 0}), step, CONTRACT, DECLARED)


THETA = floats([0.1] * 7)


@pytest.mark.parametrize(
    ("kind", "call", "is_right"),
    [
        ("glm_gradient", KernelCall("glm_gradient", 2, "gaussian", BETA), True),
        ("glm_gradient", KernelCall("glm_gradient", 3, "binomial", BETA), True),
        ("glm_gradient", KernelCall("glm_gradient", 2, "binomial", BETA), False),
        ("glm_gradient", KernelCall("glm_gradient", 2, "gaussian"), False),
        ("glm_fit", KernelCall("glm_fit", 2, "gaussian", ridge=0.0), True),
        ("glm_fit", KernelCall("glm_fit", 3, "binomial", ridge=1.0), True),
        ("glm_fit", KernelCall("glm_fit", 2, "gaussian"), False),
        ("glm_fit", KernelCall("glm_fit", 2, "gaussian", BETA, ridge=0.0), False),
        ("glm_fit", KernelCall("glm_fit", 2, "gaussian", ridge=-1.0), False),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", theta=THETA, exclusion=1), True),
        ("selection_score", KernelCall("selection_score", 3, "binomial", theta=THETA, exclusion=1), True),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", theta=THETA), False),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", exclusion=1), False),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", theta=BETA, exclusion=1), False),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", theta=THETA, exclusion=3), False),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", theta=THETA, exclusion=4), False),
        ("selection_score", KernelCall("selection_score", 2, "gaussian", BETA, theta=THETA, exclusion=1), False),
    ],
)
def test_fits_gradients_and_selection_scores_take_their_own_arguments(kind: Any, call: KernelCall, is_right: bool) -> None:
    step, done = Step(reply={"field": ReplyField(kind)}), StepDone((call,), {"field": 0})
    if is_right:
        check_calls(done, step, CONTRACT, DECLARED)
        return
    with pytest.raises(Refusal):
        check_calls(done, step, CONTRACT, DECLARED)


@pytest.mark.parametrize(
    ("call", "is_right"),
    [
        (KernelCall("draw", 2, "gaussian", theta=THETA, exclusion=1), True),
        (KernelCall("draw", 3, "binomial", theta=THETA, exclusion=1), True),
        (KernelCall("draw", 2, "gaussian", theta=THETA), False),
        (KernelCall("draw", 2, "gaussian", BETA, 1.0, theta=THETA, exclusion=1), False),
        (KernelCall("draw", 2, "gaussian", theta=floats([float("nan")] * 7), exclusion=1), False),
    ],
)
def test_a_draw_has_a_beta_or_a_theta_and_never_both(call: KernelCall, is_right: bool) -> None:
    if is_right:
        check_calls(StepDone((call,)), Step(), CONTRACT, DECLARED)
        return
    with pytest.raises(Refusal):
        check_calls(StepDone((call,)), Step(), CONTRACT, DECLARED)
