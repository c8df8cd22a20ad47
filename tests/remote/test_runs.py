"""A run at a site: nothing without approval of exact bytes, nothing without a ledger line, nothing left when it is over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from policies import built_in
from remote.approvals.service import Approvals
from remote.runs.phase import Phase
from remote.runs.responder import MAX_WAITING
from remote.runs.view import ChainsView, RunView
from sandbox.contract import Finding
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.isolation import Isolator
from sandbox.host.record import Record
from sandbox.job import JobSpec, Target
from sandbox.ledger import verify
from sandbox.rounds.constants import constants_from
from sandbox.wire.codec import encode
from sandbox.wire.link import (
    BoardRow,
    BoardUpdate,
    JobEnded,
    JobOffer,
    JobsOpen,
    JobState,
    SiteBegin,
    SiteBegun,
    SiteCancel,
    SiteFailed,
    SiteReply,
    SiteRound,
    SiteStatus,
)
from sandbox.wire.messages import StepCall, round_reply
from tests.one_chain import answer, asks
from tests.remote.hosted import MARGINS, POLICY, Site, card_of, pieces
from tests.remote.offers import CANARY, CONTRACT, broken_pair, csv, offer, sees_rows, simice
from tests.remote.standin import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXACT = built_in("research")
MOMENTS = asks(StepCall("moments", {"target": 3}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def isolator() -> AsyncIterator[Isolator]:
    """One supervisor for all of these tests: its start is the slow part."""
    made = Isolator(POLICY)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path, isolator: Isolator) -> AsyncIterator[Site]:
    made = Site(tmp_path, isolator)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def exact_site(tmp_path: Path, isolator: Isolator) -> AsyncIterator[Site]:
    """A site whose policy answers any question, exactly."""
    made = Site(tmp_path, isolator, EXACT)
    yield made
    await made.close()


async def code_of(call: Any) -> Code:
    with pytest.raises(TidegateError) as caught:
        await call
    return caught.value.code


# --- before Start -----------------------------------------------------------------------------------------------------------------------


async def test_an_offer_appears_and_central_hears_how_we_stand(site: Site) -> None:
    site.runs.on_opened(True)
    site.runs.on_message(offer())
    assert site.sent == [SiteStatus("j1")]
    site.runs.on_message(offer(board=()))
    assert len(site.sent) == 1


async def test_only_the_digest_of_the_bytes_we_hold_is_approved(site: Site) -> None:
    site.runs.on_message(offer())
    assert await code_of(site.runs.approve("j1", broken_pair().digest, "olga")) is Code.PAIR_DIGEST
    await site.runs.approve("j1", simice().digest, "olga")
    assert site.status.approved_digest == simice().digest


async def test_an_offer_with_a_false_digest_cannot_be_approved(site: Site) -> None:
    lie = offer(broken_pair(), digest=simice().digest)
    site.runs.on_message(lie)
    assert await code_of(site.runs.approve("j1", simice().digest, "olga")) is Code.PAIR_DIGEST
    assert not site.status.approved_digest


async def test_one_changed_byte_voids_approval_and_upload(site: Site) -> None:
    await site.uploaded()
    run = site.runs.get("j1")
    site.runs.on_message(offer(broken_pair()))
    assert not run.is_approved
    assert site.status == SiteStatus("j1")
    await until(lambda: site.kinds()[-1:] == ["wipe"])
    assert await code_of(site.runs.start("j1")) is Code.SITE_NOT_APPROVED


async def test_an_approval_is_for_one_job_and_survives_a_restart(site: Site) -> None:
    await site.approved()
    again = Approvals(site.database)
    spec_digest = site.runs.get("j1").offer.spec.digest
    approval = again.find("j1", simice().digest, spec_digest)
    assert approval is not None
    assert approval.approved_by == "olga"
    assert again.find("j2", simice().digest, spec_digest) is None
    assert again.find("j1", simice().digest, "0" * 64) is None, "the same job, specified in another way"
    assert again.earlier("j2", simice().digest) is approval
    site.runs.on_message(offer(job_id="j2"))
    assert not site.runs.get("j2").is_approved


async def test_nothing_is_uploaded_without_approval_and_contract(site: Site) -> None:
    site.runs.on_message(offer(contract=None))
    assert await code_of(site.runs.upload("j1", pieces(csv()))) is Code.SITE_NOT_APPROVED
    await site.runs.approve("j1", simice().digest, "olga")
    assert await code_of(site.runs.upload("j1", pieces(csv()))) is Code.SITE_NO_CONTRACT
    assert await code_of(site.runs.start("j1")) is Code.SITE_NO_UPLOAD
    assert await code_of(site.runs.upload("j2", pieces(csv()))) is Code.REQUEST_NOT_FOUND


async def test_a_clean_upload_is_reported_with_its_contract(site: Site) -> None:
    report = await site.uploaded()
    assert report.is_clean
    assert report.n_rows == 300
    status = site.status
    assert (status.is_ready, status.is_started, status.told) == (True, False, ())
    assert status.contract_digest == CONTRACT.digest


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.DATA_EMPTY),
        (b"age,dose,score\n", Code.DATA_HEADER_ONLY),
        (csv(header="dose,age,score"), Code.DATA_HEADER_ORDER),
        (csv(header="age,dose,points"), Code.DATA_HEADER_MISMATCH),
        (b"age,score\n1,2\n", Code.DATA_COLUMN_MISSING),
        (csv() + b"old,1,2\n", Code.DATA_NOT_NUMERIC),
    ],
)
async def test_a_poor_upload_stays_here_and_central_is_told_nothing(site: Site, data: bytes, code: Code) -> None:
    await site.approved()
    before = list(site.sent)
    report = await site.runs.upload("j1", pieces(data))
    assert code in [finding.code for finding in report.findings]
    assert site.sent == before
    assert site.participant is None
    assert await code_of(site.runs.start("j1")) is Code.SITE_NO_UPLOAD
    assert (await site.runs.upload("j1", pieces(csv()))).is_clean


async def test_an_upload_replaces_the_one_before_and_undoes_start(site: Site) -> None:
    await site.started()
    assert site.status.is_started
    old = site.participant
    assert (await site.runs.upload("j1", pieces(csv(200)))).n_rows == 200
    assert site.participant is not old
    assert (site.status.is_ready, site.status.is_started) == (True, False)
    assert site.kinds().count("wipe") == 1


async def test_an_upload_that_breaks_off_leaves_nothing(site: Site) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield csv()[:2000]
        raise ConnectionResetError

    await site.approved()
    with pytest.raises(ConnectionResetError):
        await site.runs.upload("j1", broken())
    assert site.runs.get("j1").phase is Phase.OFFERED
    assert not site.status.is_ready
    assert site.kinds()[-1] == "wipe"


async def test_a_new_contract_breaks_an_upload_off(site: Site) -> None:
    reached = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield csv()
        reached.set()
        await asyncio.sleep(60)

    await site.approved()
    upload = asyncio.create_task(site.runs.upload("j1", endless()))
    await reached.wait()
    assert await code_of(site.runs.upload("j1", pieces(csv()))) is Code.JOB_STATE
    site.runs.on_message(offer(contract=msgspec.structs.replace(CONTRACT, missing=("",))))
    assert await code_of(upload) is Code.JOB_STATE
    assert site.participant is None
    assert site.kinds()[-1] == "wipe"


async def test_source_that_breaks_the_rules_stops_start_with_its_lines(site: Site) -> None:
    pair = broken_pair()
    site.runs.on_message(offer(pair))
    await site.runs.approve("j1", pair.digest, "olga")
    await site.runs.upload("j1", pieces(csv()))
    findings = await site.runs.start("j1")
    assert findings[0].line == 1
    assert site.runs.get("j1").phase is Phase.READY
    assert site.runs.get("j1").stops == (Finding(Code.WORKER_SOURCE),)
    assert site.status.told == ()
    assert not site.status.is_started


# --- code that sees rows ----------------------------------------------------------------------------------------------------------------


async def test_code_that_asks_to_see_rows_is_approved_only_by_an_owner_who_lets_it(site: Site) -> None:
    pair = sees_rows()
    site.runs.on_message(offer(pair))
    assert await code_of(site.runs.approve("j1", pair.digest, "olga")) is Code.RULE_ROWS_ACCESS
    assert not site.runs.get("j1").is_approved
    run = await site.runs.approve("j1", pair.digest, "olga", lets_see_rows=True)
    assert run.approval is not None
    assert run.approval.sees_rows


async def test_it_runs_in_four_workers_and_the_ledger_says_that_it_saw_rows(site: Site) -> None:
    pair = sees_rows()
    site.runs.on_message(offer(pair))
    await site.runs.approve("j1", pair.digest, "olga", lets_see_rows=True)
    assert (await site.runs.upload("j1", pieces(csv()))).is_clean
    assert await site.runs.start("j1") == ()
    participant = site.participant
    assert participant is not None
    assert [child.role for child in participant.processes] == ["gate", *["worker"] * 4]
    started = [msgspec.json.decode(line) for line in site.ledger.path.read_bytes().splitlines()][-1]
    assert (started["kind"], started["sees_rows"]) == ("start", "reviewed")


async def test_a_blind_pair_never_sees_rows_whatever_was_ticked(site: Site) -> None:
    site.runs.on_message(offer())
    run = await site.runs.approve("j1", simice().digest, "olga", lets_see_rows=True)
    assert run.approval is not None
    assert not run.approval.sees_rows


async def test_a_policy_that_refuses_lets_no_code_see_rows(site: Site) -> None:
    site.runs.policy = built_in("strict")
    pair = sees_rows()
    site.runs.on_message(offer(pair))
    assert await code_of(site.runs.approve("j1", pair.digest, "olga", lets_see_rows=True)) is Code.RULE_ROWS_ACCESS


async def test_that_code_may_see_rows_is_remembered_with_the_approval(site: Site) -> None:
    pair = sees_rows()
    site.runs.on_message(offer(pair))
    await site.runs.approve("j1", pair.digest, "olga", lets_see_rows=True)
    kept = Approvals(site.database).find("j1", pair.digest, offer(pair).spec.digest)
    assert kept is not None
    assert kept.sees_rows


# --- chains -----------------------------------------------------------------------------------------------------------------------------


def chained(n_chains: int) -> JobOffer:
    spec = JobSpec((Target("score", "continuous"),), seed=7, imputations=20, parameters={"chains": n_chains})
    return offer(spec=spec)


async def test_the_owner_reads_what_the_chains_of_a_job_come_to_before_approving(site: Site) -> None:
    site.runs.on_message(chained(4))
    view = RunView.build(site.runs.get("j1"))
    # Twenty iterations, then five before each of four more imputations, in each of four chains.
    assert view.chains == ChainsView(number=4, limit=POLICY.max_chains, iterations=4 * (20 + 4 * 5))
    assert view.may.approve


async def test_a_job_of_more_chains_than_the_site_accepts_cannot_be_approved_and_says_why(site: Site) -> None:
    site.runs.on_message(chained(9))
    view = RunView.build(site.runs.get("j1"))
    assert not view.may.approve
    assert view.problem.code == "limit.chains"
    assert "9 chains" in view.problem.sentence
    assert f"accepts {POLICY.max_chains}" in view.problem.sentence
    assert await code_of(site.runs.approve("j1", simice().digest, "olga")) is Code.LIMIT_CHAINS


async def test_an_approval_does_not_cover_a_job_that_central_gives_more_chains(site: Site) -> None:
    site.runs.on_message(chained(2))
    await site.runs.approve("j1", simice().digest, "olga")
    assert site.runs.get("j1").is_approved
    site.runs.on_message(chained(3))
    assert not site.runs.get("j1").is_approved


# --- rounds -----------------------------------------------------------------------------------------------------------------------------


async def test_margins_and_card_are_answered_with_a_ledger_line_each_and_one_of_the_life_before_both(site: Site) -> None:
    begin = await site.stated()
    replies = [answer(round_reply.decode(reply.body)) for reply in site.of(SiteReply)]
    assert [set(reply.fields) for reply in replies] == [{"margins"}, {"card"}]
    assert [reply.refused for reply in replies] == [None, None]
    n_columns = len(CONTRACT.model)
    assert replies[1].fields["card"]["gram"].shape == (n_columns + 1, n_columns + 1)
    assert begin.constants.centre.size == n_columns
    lines = await Record(site.ledger.path).of_job("j1")
    assert [line["kind"] for line in lines] == ["upload", "start", "life", "release", "release"]
    assert [line["round"] for line in lines if line["kind"] == "release"] == [0, 1]
    assert verify(site.ledger.path).holds
    assert await Record(site.ledger.path).of_job("j2") == []


@pytest.mark.parametrize("policy", ["default", "strict"])
@pytest.mark.parametrize("question", ["moments", "constants", "margins", "card"])
async def test_after_its_card_a_site_answers_nothing_more(tmp_path: Path, isolator: Isolator, policy: str, question: str) -> None:
    site = Site(tmp_path, isolator, built_in(policy))
    try:
        begin = await site.stated()
        asked = {"moments": SiteRound("j1", 2, MOMENTS), "constants": begin, "margins": SiteRound("j1", 2, MARGINS.chains)}
        assert await site.answer(asked.get(question) or card_of(begin, 2)) == SiteFailed("j1", Code.GATE_PROTOCOL)
        assert site.kinds().count("release") == 2
        await until(lambda: site.participant is None)
    finally:
        await site.close()


async def test_constants_before_the_card_end_the_run_where_any_question_is_answered(exact_site: Site) -> None:
    await exact_site.started()
    margins = answer(round_reply.decode((await exact_site.answer(MARGINS)).body)).fields["margins"]
    early = SiteBegin("j1", constants_from([margins], CONTRACT))
    assert await exact_site.answer(early) == SiteFailed("j1", Code.GATE_PROTOCOL)


async def test_a_site_that_answers_exactly_goes_on_after_its_card(exact_site: Site) -> None:
    await exact_site.begun()
    reply = await exact_site.answer(SiteRound("j1", 2, MOMENTS))
    decoded = answer(round_reply.decode(reply.body))
    assert decoded.refused is None
    assert "moments" in decoded.fields


async def test_a_question_is_answered_at_most_once(exact_site: Site) -> None:
    await exact_site.begun()
    question = SiteRound("j1", 2, MOMENTS)
    assert (await exact_site.answer(question)).number == 2
    assert await exact_site.answer(question) == SiteFailed("j1", Code.WIRE_SEQUENCE)
    assert exact_site.kinds().count("release") == 3


async def test_constants_are_taken_once(exact_site: Site) -> None:
    constants = await exact_site.stated()
    assert await exact_site.answer(constants) == SiteBegun("j1")
    assert await exact_site.answer(constants) == SiteFailed("j1", Code.WIRE_SEQUENCE)


async def test_a_gate_that_ended_before_it_took_the_constants_is_told_with_its_code(exact_site: Site) -> None:
    site = exact_site
    constants = await site.stated()
    os.kill(pids_of(site)[0], signal.SIGKILL)
    assert await site.answer(constants) == SiteFailed("j1", Code.GATE_DIED)
    await until(lambda: site.kinds()[-1:] == ["wipe"])
    assert site.of(SiteBegun) == []


async def test_questions_out_of_place_are_answered_with_a_code(site: Site) -> None:
    assert (await site.answer(SiteRound("unknown", 3, ()))) == SiteFailed("unknown", Code.JOB_STATE)
    await site.uploaded()
    assert await site.answer(MARGINS) == SiteFailed("j1", Code.JOB_STATE)
    assert site.kinds().count("release") == 0


async def test_a_refusal_is_an_answer_and_the_run_goes_on(exact_site: Site) -> None:
    await exact_site.begun()
    reply = await exact_site.answer(SiteRound("j1", 2, asks(StepCall("no_such_step", {}))))
    assert answer(round_reply.decode(reply.body)).refused is Code.RULE_UNDECLARED
    assert "refusal" in exact_site.kinds()
    assert (await exact_site.answer(SiteRound("j1", 3, MOMENTS))).number == 3


async def test_a_flood_of_questions_ends_the_run(site: Site) -> None:
    await site.stated()
    for number in range(2, MAX_WAITING + 5):
        site.runs.on_message(SiteRound("j1", number, MOMENTS))
    await until(lambda: site.of(SiteFailed))
    assert site.of(SiteFailed) == [SiteFailed("j1", Code.LIMIT_MESSAGES)]
    await until(lambda: site.kinds()[-1:] == ["wipe"])


@pytest.mark.parametrize(("number", "expected"), [(0, Code.GATE_DIED), (1, Code.WORKER_DIED)], ids=["gate", "worker"])
async def test_the_death_of_a_process_fails_the_run_and_wipes(site: Site, number: int, expected: Code) -> None:
    await site.stated()
    participant = site.participant
    os.kill(participant.processes[number].pid, signal.SIGKILL)
    await until(lambda: site.of(SiteFailed))
    assert site.of(SiteFailed) == [SiteFailed("j1", expected)]
    await until(lambda: site.kinds()[-1:] == ["wipe"])
    run = site.runs.get("j1")
    assert (run.phase, run.state, run.code, site.participant) == (Phase.ENDED, JobState.FAILED, expected, None)


async def test_the_death_of_a_gate_before_the_job_runs_takes_the_upload_only(site: Site) -> None:
    await site.uploaded()
    os.kill(site.participant._gate.pid, signal.SIGKILL)
    await until(lambda: not site.status.is_ready)
    assert site.runs.get("j1").trouble == Finding(Code.GATE_DIED)
    assert site.status.told == ()
    assert (await site.runs.upload("j1", pieces(csv()))).is_clean
    assert site.runs.get("j1").trouble is None


# --- the end ----------------------------------------------------------------------------------------------------------------------------


async def gone(pids: list[int]) -> None:
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def pids_of(site: Site) -> list[int]:
    return [child.pid for child in site.participant.processes]


@pytest.mark.parametrize(
    "message",
    [
        JobEnded("j1", JobState.FINISHED),
        JobEnded("j1", JobState.FAILED, Code.SITE_LOST, "site-b"),
        JobsOpen(("j2",)),
        JobsOpen(()),
        BoardUpdate("j1", JobState.CANCELLED, ()),
        offer(state=JobState.CLOSED),
    ],
)
async def test_whatever_ends_a_job_wipes_it(site: Site, message: Any) -> None:
    await site.stated()
    pids = pids_of(site)
    assert len(pids) == 2
    site.runs.on_message(message)
    await gone(pids)
    await until(lambda: site.kinds()[-1:] == ["wipe"])
    assert site.runs.get("j1").phase is Phase.ENDED
    assert await site.answer(SiteRound("j1", 1, MOMENTS)) == SiteFailed("j1", Code.JOB_STATE)


async def test_cancel_wipes_at_once_and_tells_central_until_it_knows(site: Site) -> None:
    await site.stated()
    pids = pids_of(site)
    await site.runs.cancel("j1")
    await gone(pids)
    assert site.of(SiteCancel) == [SiteCancel("j1")]
    # A question that was under way meanwhile does not make a failure of it.
    site.runs.on_message(MARGINS)
    assert site.of(SiteFailed) == []
    site.runs.on_message(offer(state=JobState.RUNNING))
    assert len(site.of(SiteCancel)) == 1
    site.runs.on_opened(True)
    site.runs.on_message(offer(state=JobState.RUNNING))
    assert len(site.of(SiteCancel)) == 2
    assert await code_of(site.runs.cancel("j1")) is Code.JOB_STATE


BOARD = (BoardRow("central"), BoardRow("site-a", is_stated=True))


@pytest.mark.parametrize(
    "message", [BoardUpdate("j1", JobState.RUNNING, BOARD), offer(state=JobState.RUNNING, board=BOARD)], ids=["board", "offer"]
)
async def test_a_site_whose_card_is_in_wipes_its_rows_once_and_still_may_cancel(site: Site, message: Any) -> None:
    await site.stated()
    pids = pids_of(site)
    site.runs.on_message(message)
    site.runs.on_message(BoardUpdate("j1", JobState.RUNNING, BOARD, "moments", 1, 4))
    await gone(pids)
    await site.custody.close()
    assert site.kinds()[-1:] == ["wipe"]
    run = site.runs.get("j1")
    assert (run.phase, run.is_stated, site.participant) == (Phase.RUNNING, True, None)
    assert site.of(SiteFailed) == []
    await site.runs.cancel("j1")
    assert site.of(SiteCancel) == [SiteCancel("j1")]
    await site.journal.close()
    events = [event.event for event in await site.journal.read("j1")]
    assert events[-4:] == ["running", "card is in, wiped", "ended cancelled", "wiped"]
    assert site.kinds().count("wipe") == 1


async def test_a_site_that_central_still_needs_keeps_its_rows(exact_site: Site) -> None:
    await exact_site.begun()
    others = (BoardRow("site-a", is_started=True), BoardRow("site-b", is_stated=True))
    exact_site.runs.on_message(BoardUpdate("j1", JobState.RUNNING, others))
    assert (await exact_site.answer(SiteRound("j1", 2, MOMENTS))).number == 2
    assert "wipe" not in exact_site.kinds()


async def test_a_running_job_may_not_change(site: Site) -> None:
    await site.stated()
    site.runs.on_message(offer(broken_pair(), state=JobState.RUNNING))
    await until(lambda: site.runs.get("j1").phase is Phase.ENDED)
    assert site.of(SiteFailed) == [SiteFailed("j1", Code.JOB_INVALID)]


async def test_shutdown_leaves_no_process_and_writes_the_wipe(tmp_path: Path, isolator: Isolator) -> None:
    site = Site(tmp_path, isolator)
    await site.stated()
    pids = pids_of(site)
    await site.close()
    await gone(pids)
    assert site.kinds()[-1] == "wipe"


async def test_a_central_that_forgot_us_is_told_again(site: Site) -> None:
    await site.uploaded()
    n_sent = len(site.of(SiteStatus))
    site.runs.on_opened(False)
    site.runs.on_message(offer())
    assert len(site.of(SiteStatus)) == n_sent
    site.runs.on_opened(True)
    site.runs.on_message(offer())
    assert len(site.of(SiteStatus)) == n_sent + 1
    assert site.status.is_ready


async def test_nothing_of_the_data_is_in_any_file_or_message(site: Site) -> None:
    await site.stated()
    await site.runs.cancel("j1")
    await site.journal.close()
    for path in site.folder.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
    for message in site.sent:
        assert CANARY.encode() not in encode(message)


async def test_the_journal_tells_the_story_in_codes(site: Site) -> None:
    await site.stated()
    await site.runs.cancel("j1")
    await site.journal.close()
    events = [event.event for event in await site.journal.read("j1")]
    assert events == ["offered", "approved", "uploaded", "started", "running", "ended cancelled", "wiped"]
    assert [event.event for event in await site.journal.last(set())] == ["wiped"]
    assert await site.journal.last({"j1"}) == []


async def test_an_unknown_job_is_an_input_error(site: Site) -> None:
    with pytest.raises(InputError):
        site.runs.get("nothing")


async def test_source_that_central_exchanges_while_start_is_pressed_is_not_compiled(site) -> None:
    await site.uploaded()
    starting = asyncio.create_task(site.runs.start("j1"))
    # The request was checked, its task has not begun.
    await asyncio.sleep(0)
    site.runs.on_message(offer(remote_source=broken_pair().remote_source))
    with pytest.raises(InputError) as caught:
        await starting
    assert caught.value.code in (Code.SITE_NOT_APPROVED, Code.SITE_NO_UPLOAD)
    trouble = site.runs.get("j1").trouble
    assert trouble is None or trouble.code is not Code.WORKER_SOURCE
    assert not site.status.is_started


async def test_a_job_whose_specification_central_changed_is_approved_anew_or_not_at_all(site) -> None:
    await site.uploaded()
    spec = msgspec.structs.replace(offer().spec, imputations=900)
    site.runs.on_message(offer(spec=spec))
    assert site.status.approved_digest == ""
    with pytest.raises(InputError) as caught:
        await site.runs.upload("j1", pieces(csv()))
    assert caught.value.code is Code.SITE_NOT_APPROVED
    await site.runs.approve("j1", simice().digest, "olga")
    assert site.status.approved_digest == simice().digest
