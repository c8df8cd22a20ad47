"""Gates with the remote modules of AVGM, CSL, IMI and HDMI: what central and a site that answers exactly say, and how it is rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from policies import built_in
from sandbox.errors import Code
from sandbox.job import check_job, job_from_table
from sandbox.manifest import load_pair
from sandbox.wire.messages import Acknowledged, Begin, CallStep, ChainReply, GateFailed, RunRound, StepCall, StepDone, StepFailed
from sandbox.wire.values import floats
from sandbox.worker.runner import run_step
from tests.algorithms.federation import compiled
from tests.one_chain import asks
from tests.sandbox.gate.test_serve import MARGINS, constants, run

ALGORITHMS = Path(__file__).parents[3] / "algorithms"
Y, C = 3, 5
BETA = floats([0.1, 0.2, 0.1])
THETA = np.array([0.1, 0.2, 0.5, 0.1, 0.1, -0.1, 0.2])
JOB = {"imputations": 2, "seed": 1, "targets": [{"column": "y", "type": "continuous"}], "columns": {"a": "predictor", "b": "ignored"}}


@pytest.fixture
def begin(gate, make_setup, csv_text, contract_of_y):
    """A gate of a named pair, with that pair's own remote module as its worker; a site's has stated its card."""

    def go(name: str, *, is_central: bool = False, **parameters: Any):
        pair = load_pair(ALGORITHMS / name)
        spec = check_job(job_from_table({**JOB, "parameters": parameters}), pair.manifest)
        setup = make_setup(is_central=is_central, contract=None if is_central else contract_of_y)
        gate.pipe.send(msgspec.structs.replace(setup, spec=spec, manifest=pair.manifest_bytes, pair_digest=pair.digest))
        report = gate.upload(csv_text(300, seed=1))
        assert report.is_clean, report.findings
        if not is_central:
            gate.make_card(report, error=0.0)
        steps = compiled(pair, "remote").functions

        def answer(call: CallStep) -> StepDone | StepFailed:
            return run_step(steps, call)

        assert gate.attach(answer) == Acknowledged()
        reply, _ = run(gate, 0, *MARGINS)
        units = constants(reply)
        if not is_central:
            run(gate, 1, StepCall("card", {"centre": units.centre, "scale": units.scale}))
        assert gate.ask(Begin(units)) == Acknowledged()
        return gate

    return go


@pytest.fixture
def contract_of_y(upload, csv_text, make_setup):
    setup = make_setup()
    spec = msgspec.structs.replace(setup.spec, targets=setup.spec.targets[:1], columns=JOB["columns"])
    _, dataset = upload(csv_text(300, seed=1), msgspec.structs.replace(setup, spec=spec))
    return dataset.contract


def ask(gate, number: int, step: str, **request: Any) -> ChainReply:
    return run(gate, 1 + number, StepCall(step, {"target": Y, **request}))[0]


@pytest.mark.parametrize(
    ("name", "step", "request_"),
    [
        ("IMI", "moments", {}),
        ("CSLMI", "moments", {}),
        ("CSLMI", "impute_continuous", {"beta": BETA, "sigma": 1.0}),
        ("SIMI", "impute_continuous", {"beta": BETA, "sigma": 1.0}),
        ("HDMI", "impute_continuous", {"exclusion": C, "theta": floats(THETA)}),
    ],
)
def test_an_exact_site_refuses_a_step_that_only_central_needs(begin, name, step, request_) -> None:
    parameters = {"exclusion": "c"} if name == "HDMI" else {}
    assert ask(begin(name, **parameters), 1, step, **request_).refused is Code.RULE_UNDECLARED


@pytest.mark.parametrize(("name", "step", "request_"), [("IMI", "moments", {}), ("CSLMI", "moments", {})])
def test_central_answers_a_step_that_only_central_needs(begin, name, step, request_) -> None:
    assert ask(begin(name, is_central=True), 1, step, **request_).refused is None


@pytest.mark.parametrize(("name", "step"), [("CSLMI", "gradient_continuous"), ("AVGMMI", "fit_continuous"), ("HDMI", "score_continuous")])
def test_a_site_that_states_its_card_under_default_answers_no_step_of_any_pair(
    gate, make_setup, csv_text, contract_of_y, name, step
) -> None:
    pair = load_pair(ALGORITHMS / name)
    parameters = {"exclusion": "c"} if name == "HDMI" else {}
    spec = check_job(job_from_table({**JOB, "parameters": parameters}), pair.manifest)
    setup = make_setup(is_central=False, contract=contract_of_y, policy=built_in("default"))
    gate.pipe.send(msgspec.structs.replace(setup, spec=spec, manifest=pair.manifest_bytes, pair_digest=pair.digest))
    gate.make_card(gate.upload(csv_text(300, seed=1)))
    run(gate, 0, *MARGINS)
    run(gate, 1, StepCall("card", {"centre": floats([50.0, 13.0, 0.0]), "scale": floats([10.0, 2.0, 1.0])}))
    assert isinstance(gate.ask(RunRound(2, asks(StepCall(step, {"target": Y})))), GateFailed)


@pytest.mark.parametrize("is_central", [True, False])
def test_a_gradient_is_all_that_a_participant_of_cslmi_gives(begin, is_central: bool) -> None:
    reply = ask(begin("CSLMI", is_central=is_central), 1, "gradient_continuous", beta=BETA)
    assert set(reply.fields["gradient"]) == {"n", "g"}


@pytest.mark.parametrize("is_central", [True, False])
def test_an_own_fit_is_answered_once_per_question_and_its_numbers_are_on_the_grid(begin, is_central: bool) -> None:
    gate = begin("AVGMMI", is_central=is_central)
    first = ask(gate, 1, "fit_continuous", ridge=0.0).fields["fit"]
    again = ask(gate, 2, "fit_continuous", ridge=0.0).fields["fit"]
    assert first == again
    assert first["n"].scalar() > 200
    # research: 1e-11 and less of what rows contribute; the mantissa's last digits are zeros.
    bits = np.frombuffer(first["beta"].data, dtype="<u8")
    assert (bits & np.uint64(0x0F) == 0).all()


@pytest.mark.parametrize("is_central", [True, False])
def test_a_selection_model_is_answered_as_long_as_it_gives_numbers(begin, is_central: bool) -> None:
    gate = begin("HDMI", is_central=is_central, exclusion="c")
    reply = ask(gate, 1, "score_continuous", exclusion=C, theta=floats(THETA))
    assert reply.refused is None
    assert reply.fields["score"]["H"].shape == (7, 7)
    assert reply.fields["score"]["n"].scalar() == 300
    far = THETA.copy()
    far[0] = 40.0
    assert ask(gate, 2, "score_continuous", exclusion=C, theta=floats(far)).refused is None
    far[0] = 1e200
    assert ask(gate, 3, "score_continuous", exclusion=C, theta=floats(far)).refused is Code.RULE_NOT_FINITE
    assert ask(gate, 4, "score_continuous", exclusion=Y, theta=floats(THETA)).refused is Code.RULE_UNDECLARED
    assert ask(gate, 5, "score_binary", exclusion=C, theta=floats(THETA)).refused is Code.RULE_UNDECLARED


def test_central_draws_from_a_selection_model_and_a_draw_beyond_reach_is_none(begin) -> None:
    gate = begin("HDMI", is_central=True, exclusion="c")
    assert ask(gate, 1, "score_continuous", exclusion=C, theta=floats(THETA)).refused is None
    assert ask(gate, 2, "impute_continuous", exclusion=C, theta=floats(THETA)).refused is None
    assert ask(gate, 3, "impute_continuous", exclusion=C, theta=floats(THETA * 1e300)).refused is Code.RULE_NOT_FINITE
