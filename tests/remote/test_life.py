"""The life of a file at a real site host: versions over many jobs, what stops them, and what its owner lets pass."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from policies.disclosure import ADMISSION_RULES
from policies.life_budget import error_size
from remote.runs.phase import Phase
from remote.runs.view import RunView
from sandbox.errors import Code, InputError
from sandbox.host.isolation import Isolator
from sandbox.ledger import entries_of_kinds, verify
from sandbox.receipt import read_receipt
from sandbox.rounds.constants import constants_from
from sandbox.rounds.life_book import LifeBook
from sandbox.wire.link import JobEnded, JobState, SiteAnswer, SiteBegin, SiteFailed, SiteReply, SiteRound
from sandbox.wire.messages import UploadReport, round_reply
from sandbox.wire.values import Record
from tests.one_chain import answer
from tests.remote.hosted import MARGINS, POLICY, Site, card_of, pieces
from tests.remote.offers import CONTRACT, csv, offer, simice
from tests.remote.standin import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
REASON = "a corrected cohort, agreed with the board"


class Host(Site):
    """A site that takes part in one job after another. Jobs are named by number."""

    async def upload(self, job: int, data: bytes) -> UploadReport:
        """Offer, approve, upload."""
        name = f"j{job}"
        if name not in [run.job_id for run in self.runs.all()]:
            self.runs.on_message(offer(job_id=name))
            await self.runs.approve(name, simice().digest, "olga")
        return await self.runs.upload(name, pieces(data))

    async def asked(self, job: int, question: SiteRound) -> Any:
        """Ask a job; what the site answers."""
        before = len(self.of(SiteAnswer))
        self.runs.on_message(msgspec.structs.replace(question, job_id=f"j{job}"))
        await until(lambda: len(self.of(SiteAnswer)) > before)
        return self.of(SiteAnswer)[-1]

    async def state(self, job: int) -> dict[str, Record]:
        """Start a job whose file passed; what its card says. The job ends."""
        assert await self.runs.start(f"j{job}") == ()
        margins = await self.asked(job, MARGINS)
        assert isinstance(margins, SiteReply), margins
        constants = constants_from([answer(round_reply.decode(margins.body)).fields["margins"]], CONTRACT)
        reply = await self.asked(job, card_of(SiteBegin("j", constants)))
        self.runs.on_message(JobEnded(f"j{job}", JobState.FINISHED))
        await until(lambda: self.runs.get(f"j{job}").phase is Phase.ENDED)
        return answer(round_reply.decode(reply.body)).fields

    async def stopped(self, job: int, data: bytes) -> Any:
        """Upload a file that its life stops; the finding."""
        (finding,) = [finding for finding in (await self.upload(job, data)).findings if finding.severity == "stop"]
        return finding

    def lives(self) -> list[dict[str, Any]]:
        """The lines about lives."""
        return list(entries_of_kinds(self.ledger.path, ("life", "life_point", "life_release")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def isolator() -> AsyncIterator[Isolator]:
    made = Isolator(POLICY)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def host(tmp_path: Path, isolator: Isolator) -> AsyncIterator[Host]:
    made = Host(tmp_path, isolator)
    yield made
    await made.close()


async def test_a_file_that_grows_by_one_row_in_ten_jobs_is_stopped_in_each_but_the_first(host: Host) -> None:
    assert (await host.upload(1, csv(300))).is_clean
    await host.state(1)
    for job in range(2, 11):
        finding = await host.stopped(job, csv(299 + job))
        assert finding.code is Code.RULE_LIFE_CHANGE
        column = CONTRACT.columns[finding.column - 1].name
        view = RunView.build(host.runs.get(f"j{job}"))
        assert view.report is not None
        (shown,) = view.report.findings
        assert f"About {job - 1} rows differ from an earlier version of this data set, as column {column!r} shows" in shown.sentence
        assert "wait until more rows have come" in shown.remedy
        assert not view.status["is_ready"]
        assert not view.status["told"]
    assert [line["kind"] for line in host.lives()] == ["life"]
    receipt = read_receipt(host.ledger.path, "j2")
    assert receipt is not None
    assert ("life_change", 1, 1) in {(rule.rule, rule.judged, rule.refusals) for rule in receipt.rules}
    assert {rule.rule for rule in receipt.rules} >= set(ADMISSION_RULES), "the file itself passed"
    # As many rows as a version needs: it is none of the ten.
    assert (await host.upload(11, csv(340))).is_clean


async def test_the_same_file_states_the_same_numbers_in_every_job_and_is_no_new_version(host: Host) -> None:
    cards = []
    for job in (1, 2, 3):
        report = await host.upload(job, csv(300))
        assert report.is_clean
        assert report.life is not None
        assert report.life.version == 1
        cards.append(await host.state(job))
    assert cards[0] == cards[1] == cards[2]
    assert {(line["life"], line["version"]) for line in host.lives()} == {(host.lives()[0]["life"], 1)}


async def test_a_policy_with_another_error_stops_a_file_that_has_stated_a_card_and_nobody_may_release_it(
    tmp_path: Path, isolator: Isolator
) -> None:
    host = Host(tmp_path, isolator)
    await host.upload(1, csv(300))
    await host.state(1)
    await host.close()
    host = Host(tmp_path, isolator, msgspec.structs.replace(POLICY, error=POLICY.error / 2))
    try:
        finding = await host.stopped(2, csv(300))
        assert finding.code is Code.RULE_LIFE_ERROR
        assert f"errors of {error_size(POLICY, 300):g} typical rows" in finding.sentence
        run = host.runs.get("j2")
        assert not RunView.build(run).may.release
        with pytest.raises(InputError) as refused:
            await host.runs.release("j2", "olga", REASON)
        assert refused.value.code is Code.JOB_STATE
        assert [line["kind"] for line in host.lives()] == ["life"]
    finally:
        await host.close()


async def test_the_owner_lets_one_more_card_pass_once_and_ledger_and_receipt_say_who_and_why(host: Host) -> None:
    await host.upload(1, csv(300))
    await host.state(1)
    assert (await host.stopped(2, csv(305))).code is Code.RULE_LIFE_CHANGE
    assert RunView.build(host.runs.get("j2")).may.release
    n_sent = len(host.sent)
    run = await host.runs.release("j2", "olga", REASON)
    assert not RunView.build(run).may.release
    assert RunView.build(run).next.startswith("Upload the same file again")
    with pytest.raises(InputError):
        await host.runs.release("j2", "olga", REASON)
    assert len(host.sent) == n_sent, "central hears nothing of it"
    report = await host.upload(2, csv(305))
    assert report.is_clean
    assert report.life is not None
    assert report.life.version == 2
    await host.state(2)
    assert [line["kind"] for line in host.lives()] == ["life", "life_release", "life"]
    assert len({line["life"] for line in host.lives()}) == 1
    released = host.lives()[1]
    assert (released["by"], released["reason"], released["job"]) == ("olga", REASON, "j2")
    assert verify(host.ledger.path).holds
    receipt = read_receipt(host.ledger.path, "j2")
    assert receipt is not None
    assert receipt.life is not None
    (said,) = receipt.life.releases
    assert f"olga let one more card of this file leave: {REASON}" in said
    # Once: the next version is judged as before.
    assert (await host.stopped(3, csv(310))).code is Code.RULE_LIFE_CHANGE


async def test_the_numbers_that_both_versions_share_keep_the_errors_of_the_life_after_a_release(host: Host) -> None:
    await host.upload(1, csv(300))
    first = await host.state(1)
    await host.stopped(2, csv(305))
    await host.runs.release("j2", "olga", REASON)
    await host.upload(2, csv(305))
    await host.state(2)
    assert (await host.upload(3, csv(300))).is_clean, "a version that has stated a card states it again"
    assert await host.state(3) == first


@pytest.mark.parametrize("reason", ["", "  \n"])
async def test_nothing_is_released_without_a_reason(host: Host, reason: str) -> None:
    await host.upload(1, csv(300))
    await host.state(1)
    await host.stopped(2, csv(305))
    with pytest.raises(InputError) as refused:
        await host.runs.release("j2", "olga", reason)
    assert refused.value.code is Code.REQUEST_INVALID
    assert [line["kind"] for line in host.lives()] == ["life"]
    assert RunView.build(host.runs.get("j2")).may.release


async def test_a_file_that_nothing_stops_or_another_rule_is_not_released(host: Host) -> None:
    assert (await host.upload(1, csv(300))).is_clean
    with pytest.raises(InputError):
        await host.runs.release("j1", "olga", REASON)
    assert not (await host.upload(2, csv(20))).is_clean
    with pytest.raises(InputError):
        await host.runs.release("j2", "olga", REASON)
    assert host.lives() == []


# --- two jobs at a time -----------------------------------------------------------------------------------------------------------------


async def test_of_two_versions_that_passed_side_by_side_only_the_one_that_is_asked_first_leaves(host: Host) -> None:
    for job, data in ((1, csv(300)), (2, csv(301))):
        assert (await host.upload(job, data)).is_clean, "nothing has left yet"
        assert await host.runs.start(f"j{job}") == ()
    assert isinstance(await host.asked(1, MARGINS), SiteReply)
    # What stops the second is decided by its rows: central hears one word, its owner which rule.
    assert await host.asked(2, MARGINS) == SiteFailed("j2", Code.SITE_NOT_READY)
    await until(lambda: host.runs.get("j2").phase is Phase.ENDED)
    await host.custody.close()
    assert host.runs.get("j2").code is Code.RULE_LIFE_CHANGE
    lines = [msgspec.json.decode(line) for line in host.ledger.path.read_bytes().splitlines()]
    assert [line["kind"] for line in lines if line.get("job") == "j2"] == ["upload", "start", "stop", "wipe"]
    assert [line["job"] for line in host.lives()] == ["j1"]


@pytest.mark.parametrize("is_serial", [True, False], ids=["as it is", "control: without the lock"])
async def test_two_jobs_that_are_asked_in_the_same_moment_do_not_both_pass(
    host: Host, monkeypatch: pytest.MonkeyPatch, is_serial: bool
) -> None:
    for job, data in ((1, csv(300)), (2, csv(301))):
        await host.upload(job, data)
        assert await host.runs.start(f"j{job}") == ()
    together, decide = threading.Barrier(2), LifeBook.decide

    def slowly(book: LifeBook) -> Any:
        decision = decide(book)
        # Whoever has decided waits for the other to have read the same lines; with the lock it waits in vain.
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(timeout=1.0 if is_serial else 60.0)
        return decision

    monkeypatch.setattr(LifeBook, "decide", slowly)
    if not is_serial:
        monkeypatch.setattr(host.ledger, "deciding", contextlib.nullcontext())
    for job in (1, 2):
        host.runs.on_message(msgspec.structs.replace(MARGINS, job_id=f"j{job}"))
    await until(lambda: len(host.of(SiteAnswer)) == 2)
    passed = [isinstance(answer, SiteReply) for answer in host.of(SiteAnswer)]
    assert sum(passed) == len(host.lives()) == (1 if is_serial else 2)
