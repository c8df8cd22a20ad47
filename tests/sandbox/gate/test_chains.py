"""Several chains in central's gate: each with its own completed cells, draws, questions and share of the imputations."""

from __future__ import annotations

import io
import json
import zipfile

import msgspec
import numpy as np
import pytest

from sandbox.errors import CATALOGUE, Code
from sandbox.gate.draws import RowDraws
from sandbox.wire.messages import (
    Acknowledged,
    Begin,
    ChainCalls,
    ChainReply,
    GateFailed,
    KeepImputation,
    RoundReply,
    RoundResult,
    RunRound,
    SendResult,
    StepCall,
    round_reply,
)
from sandbox.worker.randomness import Randomness
from tests.one_chain import answer, asks
from tests.sandbox.gate.conftest import GateUnderTest
from tests.sandbox.gate.test_serve import IMPUTE_B, IMPUTE_Y, MARGINS, MOMENTS, SCORE, B, constants, honest

GRAM_OF_B = StepCall("moments", {"target": B})
KNOWN_NORMALS = [0.23661426069496677, -0.38797481002856443]
KNOWN_ROWS = [-0.3884702108606639, -0.6351045253536873]
"""As they were before there were chains."""


def ask(gate, number: int, **calls: tuple[StepCall, ...]) -> tuple[RoundReply, dict]:
    """One round; the keywords are c0, c1, …"""
    result = gate.ask(RunRound(number, tuple(ChainCalls(int(name[1:]), part) for name, part in calls.items())))
    assert isinstance(result, RoundResult), result
    return round_reply.decode(result.body), json.loads(result.entry)


def job(n_chains: int, **more) -> dict:
    return {"imputations": max(n_chains, 2), "parameters": {"chains": n_chains}, **more}


@pytest.fixture
def begun(new_gate, make_setup, csv_text):
    """Makes gates that have begun, with so many chains."""

    def make(n_chains: int, rows: int = 200, **setup) -> GateUnderTest:
        gate = new_gate()
        gate.pipe.send(make_setup(job(n_chains, **setup.pop("job", {})), **setup))
        report = gate.upload(csv_text(rows, seed=1))
        assert report.is_clean, report.findings
        assert gate.attach(honest) == Acknowledged()
        margins = gate.ask(RunRound(0, asks(*MARGINS)))
        assert gate.ask(Begin(constants(answer(round_reply.decode(margins.body))))) == Acknowledged()
        return gate

    return make


def test_the_first_chain_of_many_is_the_chain_of_a_job_of_one(begun) -> None:
    alone, many = begun(1), begun(3)
    everybody = {f"c{n}": (IMPUTE_Y, SCORE) for n in range(3)}
    ask(alone, 1, c0=(MOMENTS,))
    ask(many, 1, c0=(MOMENTS,), c1=(MOMENTS,), c2=(MOMENTS,))
    one, _ = ask(alone, 2, c0=(IMPUTE_Y, SCORE))
    three, _ = ask(many, 2, **everybody)
    assert three.chains[0] == one.chains[0]
    scores = [part.fields["score"]["g"].data for part in three.chains]
    assert len(set(scores)) == 3


def test_chains_start_apart(begun) -> None:
    reply, _ = ask(begun(4), 1, **{f"c{n}": (GRAM_OF_B,) for n in range(4)})
    assert len({part.fields["moments"]["XX"].data for part in reply.chains}) == 4


def test_two_chains_of_the_same_questions_have_other_draws(begun) -> None:
    told, _ = ask(begun(2), 1, c0=(IMPUTE_Y, GRAM_OF_B), c1=(IMPUTE_Y, GRAM_OF_B))
    assert told.chains[0].fields != told.chains[1].fields


def test_what_is_refused_in_one_chain_is_refused_in_that_chain_only(begun) -> None:
    undeclared = StepCall("moments", {"target": 2})
    reply, entry = ask(begun(2), 1, c0=(IMPUTE_Y, undeclared), c1=(IMPUTE_Y, SCORE))
    assert reply.chains[0] == ChainReply(0, refused=Code.RULE_UNDECLARED)
    assert reply.chains[1].refused is None
    assert reply.chains[1].fields.keys() == {"score"}
    assert entry["kind"] == "release"
    assert entry["refused"] == [{"chain": 1, "code": "rule.undeclared"}]
    assert [field["chain"] for field in entry["fields"]] == [2]


def test_no_random_number_of_rows_or_of_central_is_in_two_chains() -> None:
    rows = np.arange(5000)
    for draws in (RowDraws(b"sixteen bytes..."), RowDraws(b"sixteen bytes...", is_bound=True)):
        numbers = np.concatenate([draws.of_chain(chain).asked(b"same").uniform(3, 1, rows) for chain in range(8)])
        assert len(np.unique(numbers)) == len(numbers)
        assert np.abs(np.corrcoef(numbers.reshape(8, -1)) - np.eye(8)).max() < 0.06
    central = np.concatenate([Randomness(1, "ab" * 32, "cd" * 32, chain).uniform(5000) for chain in range(8)])
    assert len(np.unique(central)) == len(central)


def test_the_streams_of_the_first_chain_are_those_of_a_job_without_chains() -> None:
    # The same seed must go on giving the same bytes.
    assert Randomness(1, "ab" * 32, "cd" * 32, 0).normal(2).tolist() == KNOWN_NORMALS
    assert RowDraws(b"sixteen bytes...").of_chain(0).normal(3, 1, np.arange(2)).tolist() == KNOWN_ROWS


def test_a_draw_in_one_chain_is_no_draw_in_another(begun) -> None:
    gate = begun(2)
    ask(gate, 1, c0=(MOMENTS,), c1=(MOMENTS,))
    before, _ = ask(gate, 2, c0=(GRAM_OF_B,), c1=(GRAM_OF_B,))
    after, _ = ask(gate, 3, c0=(IMPUTE_Y, GRAM_OF_B), c1=(GRAM_OF_B,))
    assert after.chains[1].fields == before.chains[1].fields
    assert after.chains[0].fields != before.chains[0].fields


def test_numbers_of_every_chain_count_as_new(begun) -> None:
    gate = begun(2)
    new = [[field["new"] for field in ask(gate, number, c0=(MOMENTS,), c1=(MOMENTS,))[1]["fields"]] for number in (1, 2)]
    assert new == [[16, 16], [0, 0]]


@pytest.mark.parametrize(
    "chains",
    [(2,), (-1,), (1, 0), (0, 0), (0, 1, 2), ()],
    ids=["beyond the job's", "before the first", "another order", "twice", "one too many", "none"],
)
def test_a_round_for_other_chains_than_the_jobs_ends_the_gate_with_zeros(begun, chains: tuple[int, ...]) -> None:
    gate = begun(2)
    failed = gate.ask(RunRound(1, tuple(ChainCalls(chain, (MOMENTS,)) for chain in chains)))
    assert isinstance(failed, GateFailed)
    assert failed.code is Code.GATE_PROTOCOL
    gate.hang_up()
    gate.wait()
    assert gate.is_zero


def test_imputations_are_taken_from_the_chains_in_turn(begun) -> None:
    gate = begun(2, job={"imputations": 3})
    ask(gate, 1, c0=(MOMENTS,), c1=(MOMENTS,))
    ask(gate, 2, c0=(IMPUTE_Y, GRAM_OF_B), c1=(IMPUTE_Y, GRAM_OF_B))
    # The second chain keeps first; the first chain's second imputation is the third of the job.
    for chain in (1, 0):
        assert gate.ask(KeepImputation(chain)) == Acknowledged()
    ask(gate, 3, c0=(IMPUTE_B,))
    assert gate.ask(KeepImputation(0)) == Acknowledged()
    gate.pipe.send(SendResult({}))
    with zipfile.ZipFile(io.BytesIO(gate.result())) as archive:
        texts = [archive.read(f"imputed_{number:03}.csv").decode() for number in (1, 2, 3)]
        run_json = json.loads(archive.read("run.json"))
    y = [[line.split(",")[2] for line in text.splitlines()] for text in texts]
    assert y[0] == y[2] != y[1], "the first chain drew b, not y, between its two imputations"
    assert texts[0] != texts[2]
    assert run_json["data"]["schedule"]["kept_from_chain"] == [1, 2, 1]
    assert run_json["data"]["schedule"]["sweeps_kept"] == [1, 1, 2]
    assert [len(chain) for chain in run_json["data"]["chains"]["y"]["mean"]] == [1, 1]


@pytest.mark.parametrize("chains", [(0, 0, 0), (1, 1), (2,), (-1,)])
def test_a_chain_keeps_no_more_than_its_share(begun, chains: tuple[int, ...]) -> None:
    gate = begun(2, job={"imputations": 3})
    *ours, last = [gate.ask(KeepImputation(chain)) for chain in chains]
    assert all(answer == Acknowledged() for answer in ours)
    assert isinstance(last, GateFailed)


def test_a_result_is_not_sent_before_every_chain_has_kept_its_share(begun) -> None:
    gate = begun(2)
    assert gate.ask(KeepImputation(0)) == Acknowledged()
    assert isinstance(gate.ask(SendResult({})), GateFailed)


def test_chains_that_do_not_fit_into_memory_are_found_at_the_upload(new_gate, make_setup, csv_text) -> None:
    found = {}
    for n_chains in (1, 16):
        gate = new_gate(20_000_000)
        gate.pipe.send(make_setup(job(n_chains)))
        report = gate.upload(csv_text(2000))
        found[n_chains] = [(finding.code, finding.sentence) for finding in report.findings if finding.severity == "stop"]
    assert found[1] == []
    assert [code for code, _ in found[16]] == [Code.DATA_TOO_LARGE]


def test_a_reply_of_all_chains_must_fit_into_a_frame_before_the_start(new_gate, make_setup, csv_text, loose) -> None:
    # q = 4: 128 bytes of a Gram for each chain.
    policy = msgspec.structs.replace(loose, max_frame_bytes=1000)
    for n_chains, codes in ((4, []), (8, [Code.LIMIT_FRAME])):
        gate = new_gate()
        gate.pipe.send(make_setup(job(n_chains), policy=policy))
        assert [finding.code for finding in gate.upload(csv_text(200)).findings if finding.severity == "stop"] == codes


def test_more_chains_than_the_policy_accepts_are_a_finding_that_says_how_many(new_gate, make_setup, csv_text, loose) -> None:
    gate = new_gate()
    gate.pipe.send(make_setup(job(3), policy=msgspec.structs.replace(loose, max_chains=2)))
    report = gate.upload(csv_text(200))
    assert [(finding.code, finding.details) for finding in report.findings] == [(Code.LIMIT_CHAINS, {"found": 3, "limit": 2})]
    assert "max_chains" in CATALOGUE[Code.LIMIT_CHAINS].remedy
