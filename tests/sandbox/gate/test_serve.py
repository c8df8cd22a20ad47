"""A whole gate over a socket pair, central's mostly: the order of messages, refusals, a hostile worker, and what is left in memory."""

from __future__ import annotations

import io
import json
import zipfile

import msgspec
import numpy as np
import pytest

from sandbox.errors import Code
from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import (
    Acknowledged,
    Begin,
    CallStep,
    ChainReply,
    Constants,
    GateFailed,
    KeepImputation,
    KernelCall,
    RoundResult,
    RunRound,
    SendResult,
    StepCall,
    StepDone,
    StepFailed,
    UploadReport,
    Wipe,
    Wiped,
    round_reply,
)
from sandbox.wire.values import floats
from tests.one_chain import answer, asks

Y, B = 3, 4
MARGINS = (StepCall("margins"),)
BETA = floats([0.1, 0.2, -0.1, 0.3])


def honest(call: CallStep) -> StepDone:
    """What SIMICERemote.py makes of a call."""
    target, beta = call.request["target"], call.request.get("beta")
    match call.step:
        case "moments":
            return StepDone((KernelCall("gram", target),), {"moments": 0})
        case "score":
            return StepDone((KernelCall("glm_score", target, "binomial", beta),), {"score": 0})
        case "impute_continuous":
            return StepDone((KernelCall("draw", target, "gaussian", beta, call.request["sigma"]),))
        case _:
            return StepDone((KernelCall("draw", target, "binomial", beta),))


def constants(margins: ChainReply) -> Constants:
    record = margins.fields["margins"]
    n, total, squares = (np.array(record[part].numbers()) for part in ("n", "total", "total_squares"))
    mean = total / n
    return Constants(floats(mean), floats(np.sqrt(squares / n - mean**2)), floats(mean))


def run(gate, number: int, *calls: StepCall) -> tuple[ChainReply, dict]:
    result = gate.ask(RunRound(number, asks(*calls)))
    assert isinstance(result, RoundResult), result
    reply = answer(round_reply.decode(result.body))
    assert result.is_refused is (reply.refused is not None)
    return reply, json.loads(result.entry)


@pytest.fixture
def begin(gate, make_setup, csv_text):
    """A gate that has begun, with an honest worker unless told otherwise."""

    def go(worker=honest, **setup) -> UploadReport:
        gate.pipe.send(make_setup(**setup))
        report = gate.upload(csv_text(200, seed=1))
        assert report.is_clean, report
        assert gate.attach(worker) == Acknowledged()
        reply, entry = run(gate, 0, *MARGINS)
        assert entry["kind"] == "release"
        assert gate.ask(Begin(constants(reply))) == Acknowledged()
        return report

    return go


MOMENTS = StepCall("moments", {"target": Y})
SCORE = StepCall("score", {"target": B, "beta": BETA})
IMPUTE_Y = StepCall("impute_continuous", {"target": Y, "beta": BETA, "sigma": 0.5}, is_tell=True)
IMPUTE_B = StepCall("impute_binary", {"target": B, "beta": BETA}, is_tell=True)


def test_a_job_from_upload_to_zip_and_wipe(gate, begin) -> None:
    report = begin()
    assert report.contract is not None
    assert report.contract.is_frozen
    run(gate, 1, MOMENTS)
    reply, entry = run(gate, 2, IMPUTE_Y, SCORE)
    assert reply.fields.keys() == {"score"}
    assert [step["step"] for step in entry["steps"]] == ["impute_continuous", "score"]
    assert entry["steps"][0]["columns"] == [{"index": Y, "name": "y"}]
    run(gate, 3, IMPUTE_B)
    for _ in range(2):
        assert gate.ask(KeepImputation()) == Acknowledged()
    for _ in range(2):
        gate.pipe.send(SendResult({"pair": "SIMICE"}))
        data = gate.result()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        run_json = json.loads(archive.read("run.json"))
    assert run_json["pair"] == "SIMICE"
    assert {name: len(chain["mean"]) for name, chain in run_json["data"]["chains"].items()} == {"y": 1, "b": 1}
    wiped = gate.ask(Wipe())
    assert isinstance(wiped, Wiped)
    assert json.loads(wiped.entry)["kind"] == "wipe"
    gate.hang_up()
    gate.wait()
    assert gate.is_zero


def test_rows_are_in_the_region_until_the_wipe(gate, make_setup, csv_text) -> None:
    gate.pipe.send(make_setup())
    gate.upload(csv_text(200, seed=1))
    assert not gate.is_zero
    assert b"p199," in bytes(gate.memory)
    assert isinstance(gate.ask(Wipe()), Wiped)
    gate.hang_up()
    gate.wait()
    assert gate.is_zero


def test_a_host_that_goes_away_leaves_zeros(gate, begin) -> None:
    begin()
    gate.hang_up()
    gate.wait()
    assert gate.is_zero


def test_no_ledger_entry_holds_a_number_of_the_data(gate, begin) -> None:
    begin()
    _, entry = run(gate, 1, MOMENTS)
    assert entry.keys() == {
        "kind", "job", "participant", "pair", "contract", "dataset", "round", "steps", "fields", "rules", "bytes", "sha256",
    }  # fmt: skip
    assert entry["fields"][0].keys() == {"chain", "step", "name", "kind", "shape", "scalars", "new", "bytes", "sha256"}


def test_numbers_that_left_before_are_not_new(gate, begin) -> None:
    begin()
    first, second, other = (run(gate, number, call)[1]["fields"][0] for number, call in ((1, MOMENTS), (2, MOMENTS), (3, SCORE)))
    # n, the upper half of X'X, X'y and y'y.
    assert (first["new"], second["new"]) == (1 + 10 + 4 + 1, 0)
    assert other["new"] > 0


def test_an_upload_is_in_the_ledger_by_codes_and_counts(gate, make_setup, csv_text) -> None:
    gate.pipe.send(make_setup())
    entries = [json.loads(gate.upload(data).entry) for data in (csv_text(200), csv_text(200), csv_text(200, seed=9), b"x")]
    good = entries[0]
    assert (good["kind"], good["rows"], good["set_aside"], good["policy"], good["algorithm"]) == ("upload", 200, 0, "loose", "SIMICE 1.0.0")
    names = [entry["dataset"] for entry in entries]
    assert names[0] == names[1] != names[2]
    assert not entries[3]["is_clean"]
    assert entries[3]["findings"]


def test_a_file_with_errors_can_be_replaced(gate, make_setup, csv_text) -> None:
    gate.pipe.send(make_setup())
    bad = gate.upload(csv_text(200).replace("p5,", "p5,x", 1))
    assert not bad.is_clean
    assert bad.contract is None
    assert gate.upload(b"").findings[0].code is Code.DATA_EMPTY
    good = gate.upload(csv_text(200))
    assert good.is_clean
    assert good.n_rows == 200
    run(gate, 0, *MARGINS)


def test_no_question_is_answered_about_an_upload_with_errors(gate, make_setup, csv_text) -> None:
    gate.pipe.send(make_setup())
    gate.upload(csv_text(200).replace("p5,", "p5,x", 1))
    failed = gate.ask(RunRound(0, asks(*MARGINS)))
    assert isinstance(failed, GateFailed)
    assert failed.code is Code.GATE_PROTOCOL


@pytest.mark.parametrize(
    "message",
    [RunRound(1, asks(MOMENTS)), RunRound(0, asks(MOMENTS)), KeepImputation(), SendResult({}), Begin(Constants(BETA, BETA, BETA))],
)
def test_a_message_out_of_order_ends_the_gate_with_zeros(gate, make_setup, csv_text, message) -> None:
    gate.pipe.send(make_setup())
    assert gate.upload(csv_text(200)).is_clean
    failed = gate.ask(message)
    assert isinstance(failed, GateFailed)
    assert failed.code is Code.GATE_PROTOCOL
    gate.hang_up()
    gate.wait()
    assert gate.is_zero


def test_data_after_the_first_round_end_the_gate(gate, begin) -> None:
    begin()
    gate.pipe.send_frame(Frame(Kind.DATA, b"id,a,y,b,c\n"))
    failed = gate.receive()
    assert isinstance(failed, GateFailed)
    assert failed.code is Code.GATE_PROTOCOL


def test_a_round_number_that_came_before_ends_the_gate(gate, begin) -> None:
    begin()
    run(gate, 4, MOMENTS)
    assert isinstance(gate.ask(RunRound(4, asks(MOMENTS))), GateFailed)


def test_bytes_that_are_no_message_end_the_gate(gate) -> None:
    gate.pipe.send_frame(Frame(Kind.MESSAGE, b"\x93\x01\x02\x03"))
    assert isinstance(gate.receive(), GateFailed)


def test_a_short_secret_is_refused(gate, make_setup) -> None:
    failed = gate.ask(make_setup(secret=b"short"))
    assert isinstance(failed, GateFailed)


@pytest.mark.parametrize(
    "call",
    [
        StepCall("nothing", {"target": Y}),
        StepCall("margins"),
        StepCall("moments", {"target": 2}),
        StepCall("moments", {"target": Y, "row": 1}),
        StepCall("moments", {"target": Y}, is_tell=True),
    ],
)
def test_an_undeclared_question_is_refused_even_at_central(gate, begin, call: StepCall) -> None:
    begin()
    assert run(gate, 1, call)[0].refused is Code.RULE_UNDECLARED


def test_a_draw_that_gives_no_number_is_refused_at_central_too_and_fills_nothing(gate, begin) -> None:
    begin()
    before = run(gate, 1, StepCall("moments", {"target": B}))[0]
    far = StepCall("impute_continuous", {"target": Y, "beta": floats([1e308, 1e308, 0.0, 0.0]), "sigma": 0.5}, is_tell=True)
    reply, entry = run(gate, 2, far, StepCall("moments", {"target": B}))
    assert (reply.refused, reply.fields) == (Code.RULE_NOT_FINITE, {})
    assert entry["kind"] == "refusal"
    assert run(gate, 3, StepCall("moments", {"target": B}))[0].fields == before.fields


def test_central_asks_and_draws_in_any_order_and_as_often_as_it_likes(gate, begin, loose) -> None:
    begin(policy=msgspec.structs.replace(loose, max_evaluations_per_fit=1, max_abs_eta=0.1))
    far = StepCall("score", {"target": B, "beta": floats([40.0, 0.0, 0.0, 0.0])})
    for number in range(1, 6):
        reply, entry = run(gate, number, IMPUTE_Y, IMPUTE_Y, far)
        assert reply.refused is None
        rules = {"cell_column", "dominance", "set_aside", "min_rows", "parameter_ratio"}
        assert set(entry["rules"]) == rules, "no table of two columns: no site of a blind pair is judged by them"


@pytest.mark.parametrize(
    ("beta", "code"),
    [([0.1] * 400, Code.RULE_UNDECLARED), ([float("nan")] * 4, Code.RULE_NOT_FINITE), ([float("inf")] * 4, Code.RULE_NOT_FINITE)],
)
def test_a_question_as_long_as_the_rows_or_without_a_number_is_refused(gate, begin, beta: list[float], code: Code) -> None:
    begin()
    for call in (
        StepCall("score", {"target": B, "beta": floats(beta)}),
        StepCall("impute_binary", {"target": B, "beta": floats(beta)}, True),
    ):
        reply, _ = run(gate, 1 + call.is_tell, *([call, MOMENTS] if call.is_tell else [call]))
        assert (reply.refused, reply.fields) == (code, {})


def test_only_the_last_call_of_a_round_may_be_answered(gate, begin) -> None:
    begin()
    assert run(gate, 1, MOMENTS, MOMENTS)[0].refused is Code.RULE_UNDECLARED


@pytest.mark.parametrize(
    "lie",
    [
        StepDone(),
        StepDone((KernelCall("gram", Y),), {"moments": 0, "more": 0}),
        StepDone((KernelCall("gram", Y), KernelCall("gram", B)), {"moments": 0}),
        StepDone((KernelCall("glm_score", B, "binomial", BETA),), {"moments": 0}),
    ],
)
def test_a_worker_that_names_other_kernels_releases_nothing(gate, begin, lie: StepDone) -> None:
    begin(worker=lambda _: lie)
    reply, _ = run(gate, 1, MOMENTS)
    assert reply.refused is Code.RULE_UNDECLARED
    assert reply.fields == {}


def test_a_step_that_raises_is_a_refusal_with_its_line_in_the_ledger_only(gate, begin) -> None:
    begin(worker=lambda _: StepFailed(line=12))
    reply, entry = run(gate, 1, MOMENTS)
    assert reply.refused is Code.WORKER_RAISED
    assert entry["refused"] == [{"chain": 1, "code": "worker.raised", "line": 12}]


def test_a_step_out_of_memory_is_told_apart(gate, begin) -> None:
    begin(worker=lambda _: StepFailed(is_memory=True))
    assert run(gate, 1, MOMENTS)[0].refused is Code.LIMIT_MEMORY


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (None, Code.WORKER_DIED),
        (b"GET / HTTP/1.1\r\n\r\n", Code.WORKER_PROTOCOL),
        (Frame(Kind.MESSAGE, b"\xc1").to_bytes(), Code.WORKER_PROTOCOL),
        (Frame(Kind.DATA, b"rows").to_bytes(), Code.WORKER_PROTOCOL),
        (Frame(Kind.MESSAGE, encode(Wipe())).to_bytes(), Code.WORKER_PROTOCOL),
        (b"TG\x01\x01\x00\x00\x00\x00\xff\xff\xff\xff", Code.LIMIT_FRAME),
    ],
)
def test_a_worker_that_dies_or_lies_ends_the_gate_with_zeros(gate, begin, said: bytes | None, code: Code) -> None:
    begin(worker=lambda _: said)
    failed = gate.ask(RunRound(1, asks(MOMENTS)))
    assert isinstance(failed, GateFailed)
    assert failed.code is code
    assert json.loads(failed.entry)["kind"] == "failure"
    gate.hang_up()
    gate.wait()
    assert gate.is_zero


def test_a_round_without_a_worker_ends_the_gate(gate, make_setup, csv_text) -> None:
    gate.pipe.send(make_setup())
    gate.upload(csv_text(200))
    reply, _ = run(gate, 0, *MARGINS)
    gate.ask(Begin(constants(reply)))
    assert isinstance(gate.ask(RunRound(1, asks(MOMENTS))), GateFailed)


def test_more_rounds_than_the_policy_allows_end_the_gate(gate, begin, loose) -> None:
    begin(policy=msgspec.structs.replace(loose, max_messages=2))
    run(gate, 1, MOMENTS)
    failed = gate.ask(RunRound(2, asks(MOMENTS)))
    assert isinstance(failed, GateFailed)
    assert failed.code is Code.LIMIT_MESSAGES


def test_what_central_releases_is_rounded_and_what_it_keeps_is_not(gate, begin) -> None:
    begin()
    first, _ = run(gate, 1, MOMENTS)
    second, _ = run(gate, 2, MOMENTS)
    assert first.fields == second.fields
    numbers = np.array(first.fields["moments"]["Xy"].numbers())
    assert (numbers == np.round(numbers * 2**40) / 2**40).all()


def test_the_same_setup_and_rounds_give_the_same_bytes(new_gate, make_setup, csv_text) -> None:
    bodies = []
    for secret in (b"secret number one, 16+", b"secret number one, 16+", b"secret number two, 16+"):
        gate = new_gate()
        gate.pipe.send(make_setup(secret=secret))
        gate.upload(csv_text(200, seed=1))
        gate.attach(honest)
        reply, _ = run(gate, 0, *MARGINS)
        gate.ask(Begin(constants(reply)))
        run(gate, 1, MOMENTS)
        bodies.append(encode(run(gate, 2, IMPUTE_Y, StepCall("moments", {"target": B}))[0]))
        gate.hang_up()
        gate.wait()
    assert bodies[0] == bodies[1]
    assert bodies[0] != bodies[2]
