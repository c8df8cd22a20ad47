"""What a gate takes from its host for a pair that sees rows: workers, in number, and only where the policy lets them see."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policies import Policy, built_in
from sandbox.errors import Code
from sandbox.gate.lending import N_WORKERS
from sandbox.gate.serve import MARGINS
from sandbox.job import check_job, job_from_table
from sandbox.manifest import load_pair
from sandbox.wire.messages import (
    Acknowledged,
    Begin,
    Constants,
    GateFailed,
    GateSetup,
    KeepImputation,
    RoundResult,
    RunRound,
    StepFailed,
    UploadReport,
)
from sandbox.wire.values import floats
from tests.sandbox.gate.conftest import JOB, GateUnderTest

PAIR = load_pair(Path(__file__).parents[2] / "pairs" / "good" / "PlainSIMICE")
DEFAULT = msgspec.structs.replace(built_in("default"), max_set_aside=1.0)


def refuse_to_work(_: object) -> StepFailed:
    return StepFailed(1)


@pytest.fixture
def open_site(
    gate: GateUnderTest, make_setup: Callable[..., GateSetup], csv_text: Callable[..., str], new_gate: Callable[[], GateUnderTest]
):
    """A gate of a site, with a pair that sees rows and an upload that fits central's contract."""

    def make(policy: Policy = DEFAULT) -> UploadReport:
        spec = check_job(job_from_table(JOB), PAIR.manifest)
        changes: dict[str, Any] = {"policy": policy, "spec": spec, "manifest": PAIR.manifest_bytes, "pair_digest": PAIR.digest}
        central = new_gate()
        central.pipe.send(msgspec.structs.replace(make_setup(), **changes))
        contract = central.upload(csv_text(400)).contract
        gate.pipe.send(msgspec.structs.replace(make_setup(is_central=False, contract=contract), **changes))
        return gate.upload(csv_text(400))

    return make


def code_of(answer: object) -> Code:
    assert isinstance(answer, GateFailed)
    assert json.loads(answer.entry)["code"] == answer.code.value
    return answer.code


def begin() -> Begin:
    return Begin(Constants(floats([0.0] * 4), floats([1.0] * 4), floats([0.0] * 4)))


def test_a_policy_that_lets_no_code_see_rows_stops_at_the_upload(open_site) -> None:
    report = open_site(msgspec.structs.replace(DEFAULT, rows_access="refuse"))
    assert [finding.code for finding in report.findings] == [Code.RULE_ROWS_ACCESS]


def test_workers_whose_code_the_owner_did_not_let_see_rows_are_not_taken(gate: GateUnderTest, open_site) -> None:
    assert open_site().is_clean
    assert code_of(gate.attach(refuse_to_work)) is Code.RULE_ROWS_ACCESS
    assert gate.is_zero


def test_one_worker_not_let_among_others_that_were_ends_the_job(gate: GateUnderTest, open_site) -> None:
    assert open_site().is_clean
    for _ in range(N_WORKERS - 1):
        assert isinstance(gate.attach(refuse_to_work, rows_reviewed=True), Acknowledged)
    assert code_of(gate.attach(refuse_to_work)) is Code.RULE_ROWS_ACCESS


def test_there_are_exactly_as_many_workers_as_the_comparison_needs(gate: GateUnderTest, open_site) -> None:
    assert open_site().is_clean
    for _ in range(N_WORKERS):
        assert isinstance(gate.attach(refuse_to_work, rows_reviewed=True), Acknowledged)
    assert code_of(gate.attach(refuse_to_work, rows_reviewed=True)) is Code.GATE_PROTOCOL
    assert gate.is_zero


def test_a_gate_that_is_gone_before_a_worker_comes_is_told_by_what_it_said_last(gate: GateUnderTest, open_site) -> None:
    assert open_site().is_clean
    gate.pipe.send(KeepImputation())
    gate.wait()
    assert code_of(gate.attach(refuse_to_work, rows_reviewed=True)) is Code.GATE_PROTOCOL


def test_nothing_is_lent_before_all_workers_are_there(gate: GateUnderTest, open_site) -> None:
    assert open_site().is_clean
    lent: list[object] = []

    def look(message: object) -> StepFailed:
        lent.append(message)
        return StepFailed(1)

    for _ in range(N_WORKERS - 1):
        gate.attach(look, rows_reviewed=True)
    assert isinstance(gate.ask(RunRound(0, MARGINS)), RoundResult)
    assert code_of(gate.ask(begin())) is Code.GATE_PROTOCOL
    assert lent == []
