"""What a ledger says that a card told is what its owner was told before Start."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from policies import Policy
from sandbox.declared import Declarations
from sandbox.gate.guard import Guard
from sandbox.gate.release import Origin
from sandbox.gate.stating import Stating, lines_of
from sandbox.manifest import CARD_STEP, RESERVED_STEP
from sandbox.statement import total_of
from sandbox.wire.messages import ChainCalls, RunRound, StepCall
from sandbox.wire.values import floats
from tests.remote.offers import simice
from tests.sandbox.gate.filled import contract_of
from tests.sandbox.gate.test_card import DEFAULT, NAMES, RESEARCH, STRICT, card_of, people

CONTRACT = contract_of(list(NAMES), continuous=["dose"], binary=["event", "relapse"])
ORIGIN = Origin("j", "site", "pair", "contract", "dataset")


def entries_of(policy: Policy) -> tuple[int, list[dict[str, Any]]]:
    """How many numbers the owner reads, and the fields that the ledger has of margins, card and a common point."""
    card = card_of(people(), policy)
    declared = Declarations(simice().manifest, CONTRACT, central_intercept=False)
    stating = Stating(card, declared, policy, Guard(policy, is_central=False))
    c = len(CONTRACT.model)
    units = {"centre": floats(np.zeros(c)), "scale": floats(np.ones(c))}
    asked = [StepCall(RESERVED_STEP), StepCall(CARD_STEP, units)]
    if card.fits and policy.points == "common":
        asked.append(StepCall("point", {f"beta.{next(iter(card.fits))}": floats(np.zeros(c))}))
    fields = []
    for number, call in enumerate(asked):
        release = stating.answer(ORIGIN, RunRound(number, (ChainCalls(0, (call,)),)))
        fields += msgspec.json.decode(release.entry)["fields"]
    return total_of(lines_of(card, CONTRACT)), fields


@pytest.mark.parametrize("policy", [DEFAULT, STRICT], ids=lambda policy: policy.name)
def test_the_numbers_that_a_ledger_calls_new_are_those_the_owner_read_before_start(policy: Policy) -> None:
    total, fields = entries_of(policy)
    assert {field["name"] for field in fields if field["step"] == RESERVED_STEP and field["new"] == 0} == {RESERVED_STEP}
    assert sum(field["new"] for field in fields if field["step"] == CARD_STEP) == total
    assert all(0 < field["new"] < field["scalars"] for field in fields if field["step"] == CARD_STEP)
    points = [field["new"] for field in fields if field["step"] == "point"]
    assert points == ([2 * len(CONTRACT.model)] if policy.points == "common" else [])


def test_without_errors_the_margins_tell_sums_that_no_card_has() -> None:
    _, fields = entries_of(RESEARCH)
    assert next(field["new"] for field in fields if field["step"] == RESERVED_STEP) == 2 * len(CONTRACT.model)
