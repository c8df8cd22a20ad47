from __future__ import annotations

import math
from pathlib import Path

import pytest

from sandbox.contract import Column, Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError
from sandbox.manifest import load_pair, parse_manifest
from sandbox.scaffold import MANIFEST
from sandbox.wire.values import Array, Value, floats

CONTRACT = Contract((Column("y", "target", "continuous"), Column("a", "predictor"), Column("b", "predictor"), Column("c", "ignored")))
DECLARED = Declarations(parse_manifest(MANIFEST.format(name="X").encode()), CONTRACT, central_intercept=False)
BETA = floats([0.0, 0.0, 0.0])
GOOD: dict[str, Value] = {"target": 1, "beta": BETA, "sigma": 1.0}


def integer(value: int) -> Array:
    return Array("<i8", (), value.to_bytes(8, "little", signed=True))


GRAM = {"n": integer(100), "XX": floats([0.0] * 9, (3, 3)), "Xy": floats([0.0] * 3), "yy": floats([1.0], ())}


def test_the_declared_request_passes() -> None:
    DECLARED.check_request("impute", GOOD)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": 2}, Code.RULE_UNDECLARED),
        ({"target": True}, Code.RULE_UNDECLARED),
        ({"target": 1.0}, Code.RULE_UNDECLARED),
        ({"target": "y"}, Code.RULE_UNDECLARED),
        ({"beta": floats([0.0] * 4)}, Code.RULE_UNDECLARED),
        ({"beta": 0.0}, Code.RULE_UNDECLARED),
        ({"beta": floats([0.0] * 3, (3, 1))}, Code.RULE_UNDECLARED),
        ({"beta": Array("<i8", (3,), bytes(24))}, Code.RULE_UNDECLARED),
        ({"target": 0}, Code.RULE_UNDECLARED),
        ({"target": 4}, Code.RULE_UNDECLARED),
        ({"sigma": True}, Code.RULE_UNDECLARED),
        ({"beta": floats([0.0, math.nan, 0.0])}, Code.RULE_NOT_FINITE),
        ({"sigma": math.inf}, Code.RULE_NOT_FINITE),
        ({"sigma": BETA}, Code.RULE_UNDECLARED),
        ({"extra": 1}, Code.RULE_UNDECLARED),
    ],
)
def test_any_other_request_is_refused(change: dict[str, Value], code: Code) -> None:
    with pytest.raises(PeerError) as caught:
        DECLARED.check_request("impute", {**GOOD, **change})
    assert caught.value.code is code


def test_a_missing_argument_and_an_unknown_step_are_refused() -> None:
    with pytest.raises(PeerError):
        DECLARED.check_request("impute", {"target": 1})
    with pytest.raises(PeerError):
        DECLARED.check_request("steal", {})


def test_the_declared_reply_passes() -> None:
    DECLARED.check_reply("moments", {"moments": GRAM})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"moments": GRAM, "more": GRAM},
        {"moments": {key: value for key, value in GRAM.items() if key != "yy"}},
        {"moments": {**GRAM, "max": floats([1.0], ())}},
        {"moments": {**GRAM, "XX": floats([0.0] * 16, (4, 4))}},
        {"moments": {**GRAM, "n": floats([100.0], ())}},
        {"moments": {**GRAM, "yy": floats([math.inf], ())}},
    ],
    ids=["nothing", "another field", "a part missing", "another part", "another shape", "another dtype", "infinite"],
)
def test_any_other_reply_is_refused(fields: dict[str, dict[str, Array]]) -> None:
    with pytest.raises(PeerError):
        DECLARED.check_reply("moments", fields)


def test_a_step_without_reply_may_answer_nothing_only() -> None:
    DECLARED.check_reply("impute", {})
    with pytest.raises(PeerError):
        DECLARED.check_reply("impute", {"moments": GRAM})


@pytest.mark.parametrize(
    ("type_", "good", "bad"), [("int", 3, 1.5), ("int", 0, True), ("bool", True, 1), ("bool", False, 0.0), ("float", 2, "2")]
)
def test_a_scalar_has_its_declared_type(type_: str, good: Value, bad: Value) -> None:
    text = MANIFEST.format(name="X").replace('sigma = { type = "float" }', f'sigma = {{ type = "{type_}" }}')
    declared = Declarations(parse_manifest(text.encode()), CONTRACT, central_intercept=False)
    declared.check_request("impute", {**GOOD, "sigma": good})
    with pytest.raises(PeerError):
        declared.check_request("impute", {**GOOD, "sigma": bad})


def test_an_exclusion_column_is_a_predictor_and_a_theta_has_its_own_length() -> None:
    folder = Path(__file__).parents[2] / "algorithms" / "HDMI"
    declared = Declarations(load_pair(folder).manifest, CONTRACT, central_intercept=False)
    good: dict[str, Value] = {"target": 1, "exclusion": 3, "theta": floats([0.0] * 7)}
    declared.check_request("score_continuous", good)
    for change in ({"exclusion": 1}, {"exclusion": 4}, {"exclusion": 3.0}, {"theta": BETA}):
        with pytest.raises(PeerError) as caught:
            declared.check_request("score_continuous", {**good, **change})
        assert caught.value.code is Code.RULE_UNDECLARED
