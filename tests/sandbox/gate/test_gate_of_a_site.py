"""A whole gate of a site of a blind pair: margins, card and point, each once and in turn; and under exact answers rounds as at central."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from policies import Policy, built_in
from policies.life_budget import error_size
from sandbox.contract import Contract
from sandbox.errors import Code
from sandbox.manifest import CARD_PARTS
from sandbox.wire.messages import (
    Acknowledged,
    Begin,
    CallStep,
    CardMade,
    CardShown,
    CardsTaken,
    ChainCalls,
    ChainReply,
    Constants,
    GateFailed,
    KeepImputation,
    MakeCard,
    Message,
    RoundResult,
    RunRound,
    SendResult,
    ShowCard,
    StepCall,
    StepDone,
    StepFailed,
    TakeCards,
    UploadReport,
    Wipe,
    Wiped,
    round_reply,
)
from sandbox.wire.values import Record, floats
from tests.one_chain import answer, asks
from tests.sandbox.gate.conftest import CARD_ERROR, CARD_LIFE, GateUnderTest, make_csv
from tests.sandbox.gate.test_serve import IMPUTE_Y, MARGINS, MOMENTS, SCORE, B, Y, constants, honest, run

DEFAULT = built_in("default")
RESEARCH = built_in("research")
CARD = StepCall("card", {"centre": floats([50.0, 13.0, 0.0, 0.0]), "scale": floats([10.0, 2.0, 1.0, 1.0])})
POINT = StepCall("point", {f"beta.{B}": floats([0.1, 0.2, -0.1, 0.3])})
BETA = floats([0.1, 0.2, -0.1, 0.3])

Uploaded = Callable[..., UploadReport]


@pytest.fixture
def uploaded(gate: GateUnderTest, make_setup, contract: Contract) -> Uploaded:
    """A gate of a site that has read a clean file."""

    def go(policy: Policy = DEFAULT, rows: int = 300, seed: int = 1) -> UploadReport:
        gate.pipe.send(make_setup(policy=policy, is_central=False, contract=contract))
        report = gate.upload(make_csv(rows, seed=seed))
        assert report.is_clean, report.findings
        return report

    return go


@pytest.fixture
def stated(gate: GateUnderTest, uploaded: Uploaded) -> Callable[..., dict[str, Record]]:
    """A gate of a site that has stated its card; its fields."""

    def go(policy: Policy = DEFAULT, **more: int) -> dict[str, Record]:
        gate.make_card(uploaded(policy, **more), error=error_size(policy, more.get("rows", 300)))
        run(gate, 0, *MARGINS)
        return dict(run(gate, 1, CARD)[0].fields)

    return go


def failed(gate: GateUnderTest, message: Message) -> Code:
    """The code with which the gate ends; its memory is zeros then."""
    said = gate.ask(message)
    assert isinstance(said, GateFailed), said
    gate.hang_up()
    gate.wait()
    assert gate.is_zero
    return said.code


def order(report: UploadReport, error: float = CARD_ERROR) -> MakeCard:
    assert report.contract is not None
    names = tuple(report.contract.column(index).name for index in report.contract.model)
    return MakeCard(CARD_LIFE, names, error, answers_points=True)


def test_a_site_states_margins_card_and_point_and_nothing_but_their_numbers(gate, uploaded) -> None:
    report = uploaded()
    made = gate.make_card(report)
    assert {line.column for line in made.lines} == {"", "b"}
    margins, _ = run(gate, 0, *MARGINS)
    assert set(margins.fields) == {"margins"}
    card, entry = run(gate, 1, CARD)
    assert set(card.fields) == {"card", f"fit.{B}"}
    point, _ = run(gate, 2, POINT)
    assert set(point.fields) == {f"point.{B}"}
    for name, record in {**card.fields, **point.fields}.items():
        assert record.keys() == CARD_PARTS[name.partition(".")[0]].keys()
    assert entry["kind"] == "release"
    assert sum(field["new"] for field in entry["fields"]) == sum(line.n_numbers for line in made.lines)
    assert isinstance(gate.ask(Wipe()), Wiped)


def test_no_ledger_entry_of_a_card_holds_a_number_of_it(gate, uploaded) -> None:
    gate.make_card(uploaded())
    run(gate, 0, *MARGINS)
    reply, entry = run(gate, 1, CARD)
    text = json.dumps(entry)
    numbers = [number for record in reply.fields.values() for array in record.values() for number in array.numbers()]
    assert not any(repr(number) in text for number in numbers if isinstance(number, float) and number not in (0.0, 1.0, 300.0))
    assert entry["fields"][0].keys() == {"chain", "step", "name", "kind", "shape", "scalars", "new", "bytes", "sha256"}


def test_what_the_owner_is_shown_is_what_leaves_but_for_the_units(gate, stated) -> None:
    left = stated()
    shown = gate.ask(ShowCard())
    assert isinstance(shown, CardShown)
    assert shown.fields.keys() == left.keys()
    assert shown.fields[f"fit.{B}"] == left[f"fit.{B}"]
    raw, scaled = (np.array(fields["card"]["gram"].numbers()).reshape(5, 5) for fields in (shown.fields, left))
    to_raw = np.diag([10.0, 2.0, 1.0, 1.0, 1.0])
    to_raw[:4, 4] = [50.0, 13.0, 0.0, 0.0]
    assert to_raw @ scaled @ to_raw.T == pytest.approx(raw, rel=1e-9, abs=1e-6)


def test_margins_are_those_of_the_card(gate, uploaded) -> None:
    gate.make_card(uploaded())
    margins = run(gate, 0, *MARGINS)[0].fields["margins"]
    raw = StepCall("card", {"centre": floats([0.0] * 4), "scale": floats([1.0] * 4)})
    card = run(gate, 1, raw)[0].fields["card"]
    gram, n = np.array(card["gram"].numbers()).reshape(5, 5), np.array(margins["n"].numbers())
    assert n.tolist() == [round(number) for number in card["n_observed"].numbers()]
    assert margins["total"].numbers() == pytest.approx(gram[:4, 4] / 300 * n)
    assert margins["total_squares"].numbers() == pytest.approx(np.diagonal(gram)[:4] / 300 * n)


@pytest.mark.parametrize("answers_points", [True, False])
def test_a_life_without_room_for_points_answers_none(gate, uploaded, answers_points: bool) -> None:
    gate.make_card(uploaded(), answers_points=answers_points)
    run(gate, 0, *MARGINS)
    assert run(gate, 1, CARD)[0].fields["card"]["answers_points"].scalar() == int(answers_points)
    reply, _ = run(gate, 2, POINT)
    assert (reply.refused is None, set(reply.fields)) == ((True, {f"point.{B}"}) if answers_points else (False, set()))


def calls(*steps: StepCall) -> list[RunRound]:
    return [RunRound(number, asks(step)) for number, step in enumerate(steps)]


@pytest.mark.parametrize(
    "message",
    [ShowCard(), RunRound(0, asks(*MARGINS)), KeepImputation()],
    ids=["shown", "asked", "kept"],
)
def test_before_its_card_is_made_a_site_answers_nothing(gate, uploaded, message: Message) -> None:
    uploaded()
    assert failed(gate, message) is Code.GATE_PROTOCOL


@pytest.mark.parametrize(
    "steps",
    [
        [CARD],
        [POINT],
        [MOMENTS],
        [*MARGINS, *MARGINS],
        [*MARGINS, POINT],
        [*MARGINS, CARD, CARD],
        [*MARGINS, CARD, POINT, POINT],
        [*MARGINS, CARD, *MARGINS],
        [*MARGINS, CARD, MOMENTS],
        [*MARGINS, CARD, SCORE],
        [*MARGINS, CARD, POINT, SCORE],
        [msgspec.structs.replace(MARGINS[0], is_tell=True)],
        [StepCall("margins", {"row": 1})],
        [*MARGINS, StepCall("card")],
        [*MARGINS, StepCall("card", {**CARD.request, "row": 1})],
        [*MARGINS, StepCall("card", {**CARD.request, "scale": floats([1.0] * 300)})],
        [*MARGINS, CARD, StepCall("point", {"beta.4": floats([0.1] * 300)})],
        [*MARGINS, CARD, StepCall("point", {"beta.x": BETA})],
    ],
    ids=lambda steps: "-".join(step.step for step in steps),
)
def test_a_question_out_of_turn_or_that_is_none_of_the_three_ends_the_gate_with_zeros(gate, uploaded, steps: list[StepCall]) -> None:
    gate.make_card(uploaded())
    *before, last = calls(*steps)
    for message in before:
        assert isinstance(gate.ask(message), RoundResult)
    assert failed(gate, last) in (Code.GATE_PROTOCOL, Code.RULE_UNDECLARED)


@pytest.mark.parametrize(
    "step",
    [
        StepCall("card", {**CARD.request, "scale": floats([1.0, 0.0, 1.0, 1.0])}),
        StepCall("card", {**CARD.request, "scale": floats([1.0, -1.0, 1.0, 1.0])}),
        StepCall("card", {**CARD.request, "centre": floats([float("nan"), 0.0, 0.0, 0.0])}),
    ],
)
def test_units_that_are_none_are_refused_and_the_card_is_not_asked_again(gate, uploaded, step: StepCall) -> None:
    gate.make_card(uploaded())
    run(gate, 0, *MARGINS)
    reply, _ = run(gate, 1, step)
    assert (reply.refused, reply.fields) == (Code.RULE_NOT_FINITE, {})
    assert failed(gate, RunRound(2, asks(CARD))) is Code.GATE_PROTOCOL


@pytest.mark.parametrize(
    "chains", [(ChainCalls(1, MARGINS),), (ChainCalls(0, MARGINS), ChainCalls(1, MARGINS)), (ChainCalls(0, (*MARGINS, CARD)),), ()]
)
def test_a_card_is_asked_in_one_chain_and_one_step_at_a_time(gate, uploaded, chains: tuple[ChainCalls, ...]) -> None:
    gate.make_card(uploaded())
    assert failed(gate, RunRound(0, chains)) is Code.GATE_PROTOCOL


@pytest.mark.parametrize("name", ["default", "strict"])
@pytest.mark.parametrize("message", [Begin(Constants(BETA, BETA, BETA)), KeepImputation(), SendResult({}), TakeCards({})])
def test_a_site_that_has_stated_its_card_begins_nothing_and_keeps_nothing(gate, stated, name: str, message: Message) -> None:
    stated(built_in(name), rows=600)
    assert failed(gate, message) is Code.GATE_PROTOCOL


def test_a_card_is_made_once_of_a_file_and_a_new_upload_has_its_own(gate, uploaded) -> None:
    report = uploaded()
    gate.make_card(report)
    first = gate.ask(ShowCard())
    again = gate.upload(make_csv(300, seed=2))
    gate.make_card(again)
    assert gate.ask(ShowCard()) != first
    gate.make_card(gate.upload(make_csv(300, seed=1)))
    assert gate.ask(ShowCard()) == first
    said = gate.ask(msgspec.structs.replace(order(report), life="another"))
    assert isinstance(said, GateFailed)


def test_a_site_under_the_default_policy_reports_three_rows_and_makes_no_card(gate, make_setup, contract) -> None:
    gate.pipe.send(make_setup(policy=DEFAULT, is_central=False, contract=contract))
    report = gate.upload(make_csv(3, missing=0.0))
    assert {finding.code for finding in report.findings} >= {Code.RULE_MIN_ROWS, Code.RULE_PARAMETER_RATIO}
    assert report.sketch == b""
    assert failed(gate, order(msgspec.structs.replace(report, contract=contract))) is Code.GATE_PROTOCOL


def test_a_column_that_a_site_never_measured_is_told_to_its_owner_and_stated_as_nobody(gate, make_setup, contract) -> None:
    gate.pipe.send(make_setup(policy=msgspec.structs.replace(RESEARCH, name="loose"), is_central=False, contract=contract))
    lines = [line.split(",") for line in make_csv(300).splitlines()]
    for cells in lines[1:]:
        cells[2] = "NA"
    report = gate.upload("\n".join(map(",".join, lines)) + "\n")
    assert report.is_clean
    # Its own target is not there, and the other one has no fit without it.
    said = [(finding.code, finding.column) for finding in report.findings]
    assert said == [(Code.DATA_TARGET_NEVER_OBSERVED, 3), (Code.FIT_NO_PART, 4)]
    made = gate.ask(order(report, error=0.0))
    assert isinstance(made, CardMade)
    assert made.findings == ()
    card = gate.ask(ShowCard()).fields["card"]
    n_observed, gram = card["n_observed"].numbers(), card["gram"].numbers()
    (place,) = [index for index, n in enumerate(n_observed) if not n]
    width = len(n_observed) + 1
    assert set(gram[place * width : (place + 1) * width]) == {0.0}


# --- central takes cards


@pytest.fixture
def central(new_gate, make_setup) -> Callable[[], GateUnderTest]:
    """Central's gate, begun."""

    def go() -> GateUnderTest:
        gate = new_gate()
        gate.pipe.send(make_setup(policy=DEFAULT))
        assert gate.upload(make_csv(300, seed=7)).is_clean
        assert gate.attach(honest) == Acknowledged()
        reply, _ = run(gate, 0, *MARGINS)
        gate.units = constants(reply)  # type: ignore[attr-defined]
        assert gate.ask(Begin(gate.units)) == Acknowledged()  # type: ignore[attr-defined]
        return gate

    return go


def test_central_answers_for_sites_from_their_cards_and_only_when_asked_to(gate, uploaded, central) -> None:
    middle = central()
    units = middle.units
    gate.make_card(uploaded())
    run(gate, 0, *MARGINS)
    card, _ = run(gate, 1, StepCall("card", {"centre": units.centre, "scale": units.scale}))
    taken = middle.ask(TakeCards({"site-a": dict(card.fields)}))
    assert isinstance(taken, CardsTaken)
    assert set(taken.due) <= {"site-a"}

    def ask(number: int, call: StepCall, *, with_stand_ins: bool) -> ChainReply:
        result = middle.ask(RunRound(number, asks(call), with_stand_ins))
        assert isinstance(result, RoundResult), result
        return answer(round_reply.decode(result.body))

    alone, both = ask(1, MOMENTS, with_stand_ins=False), ask(2, MOMENTS, with_stand_ins=True)
    assert (alone.stand_ins, set(both.stand_ins)) == ({}, {"site-a"})
    assert both.fields == alone.fields
    assert both.stand_ins["site-a"]["moments"].keys() == both.fields["moments"].keys()
    # A draw moves central's rows and no site's.
    drawn = ask(3, StepCall("moments", {"target": B}), with_stand_ins=True)
    moved = answer(round_reply.decode(middle.ask(RunRound(4, asks(IMPUTE_Y, StepCall("moments", {"target": B})), True)).body))
    assert moved.fields != drawn.fields
    assert moved.stand_ins == drawn.stand_ins


def test_a_second_message_brings_points_of_sites_whose_cards_are_there(gate, stated, central) -> None:
    fields, middle = stated(), central()
    assert isinstance(middle.ask(TakeCards({"site-a": fields})), CardsTaken)
    point = run(gate, 2, POINT)[0].fields
    assert middle.ask(TakeCards({"site-a": dict(point)})) == CardsTaken({})
    assert isinstance(middle.ask(TakeCards({"site-b": fields})), GateFailed)


def test_a_card_with_a_number_that_is_none_is_refused_under_the_name_of_its_site(stated, central) -> None:
    fields, middle = stated(), central()
    broken = {**fields["card"], "gram": floats([float("nan")] * 25, (5, 5))}
    assert middle.ask(TakeCards({"site-a": {**fields, "card": broken}})) == CardsTaken({}, {"site-a": Code.RULE_NOT_FINITE})


# --- exact answers


@pytest.fixture
def exact(gate: GateUnderTest, uploaded) -> Callable[..., ChainReply]:
    """A gate of a site that answers exactly, begun; its margins."""

    def go(worker: Callable[[CallStep], StepDone | StepFailed] = honest, **changes: object) -> ChainReply:
        gate.make_card(uploaded(msgspec.structs.replace(RESEARCH, **changes)), error=0.0)
        assert gate.attach(worker) == Acknowledged()
        reply, _ = run(gate, 0, *MARGINS)
        units = constants(reply)
        run(gate, 1, StepCall("card", {"centre": units.centre, "scale": units.scale}))
        assert gate.ask(Begin(units)) == Acknowledged()
        return reply

    return go


def test_an_exact_site_begins_only_after_its_card_and_answers_the_same_whatever_is_drawn(gate, exact) -> None:
    exact()
    first, _ = run(gate, 2, MOMENTS)
    for number in (3, 4):
        reply, entry = run(gate, number, IMPUTE_Y, IMPUTE_Y, MOMENTS)
        assert reply.fields == first.fields
        assert entry["fields"][0]["new"] == 0


def test_an_exact_site_that_has_not_stated_its_card_begins_nothing(gate, uploaded) -> None:
    gate.make_card(uploaded(RESEARCH), error=0.0)
    assert gate.attach(honest) == Acknowledged()
    reply, _ = run(gate, 0, *MARGINS)
    assert failed(gate, Begin(constants(reply))) is Code.GATE_PROTOCOL


def test_without_missing_cells_an_exact_site_answers_what_centrals_kernels_say_of_the_rows(new_gate, make_setup, contract) -> None:
    text, replies = make_csv(300, seed=3, missing=0.0), []
    for is_central in (True, False):
        gate = new_gate()
        gate.pipe.send(make_setup(policy=RESEARCH, is_central=is_central, contract=contract))
        report = gate.upload(text)
        if not is_central:
            gate.make_card(report, error=0.0)
        gate.attach(honest)
        reply, _ = run(gate, 0, *MARGINS)
        units = constants(reply)
        if not is_central:
            run(gate, 1, StepCall("card", {"centre": units.centre, "scale": units.scale}))
        gate.ask(Begin(units))
        replies.append([reply, *(run(gate, number, call)[0] for number, call in ((2, MOMENTS), (3, SCORE)))])
    for one, other in zip(*replies, strict=True):
        for name, record in one.fields.items():
            for part, array in record.items():
                assert array.numbers() == pytest.approx(other.fields[name][part].numbers(), rel=1e-9, abs=1e-6), (name, part)


def test_a_spent_budget_of_refusals_silences_an_exact_site(gate, exact) -> None:
    exact(lambda _: StepFailed(line=3), refusal_budget=2)
    codes = [run(gate, number, MOMENTS)[0].refused for number in range(2, 6)]
    assert codes == [Code.WORKER_RAISED] * 2 + [Code.RULE_REFUSAL_BUDGET] * 2


@pytest.mark.parametrize("request_", [{"target": Y, "row": 1}, {"target": 1}, {"target": 3.0}, {}, {"target": floats([1.0] * 300)}])
def test_there_is_no_way_to_ask_an_exact_site_about_some_rows_only(gate, exact, request_: dict) -> None:
    exact()
    reply, _ = run(gate, 2, StepCall("moments", request_))
    assert (reply.refused, reply.fields) == (Code.RULE_UNDECLARED, {})


def test_an_exact_site_keeps_no_imputation(gate, exact) -> None:
    exact()
    assert failed(gate, KeepImputation()) is Code.GATE_PROTOCOL
