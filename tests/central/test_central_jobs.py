"""A job's life at central, with sites that have real gates, over a real port."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import secrets
import signal
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
import pytest_asyncio

from policies import built_in
from sandbox.contract import Finding
from sandbox.errors import Code, TidegateError
from sandbox.rounds.local import LocalParticipant
from sandbox.supervisor import Supervisor
from sandbox.wire.codec import encode
from sandbox.wire.link import (
    BoardRow,
    BoardUpdate,
    CloseCode,
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
from sandbox.wire.session import Session
from tests.central.conftest import MakeSite
from tests.central.data import synthetic_csv
from tests.central.serving import Person, Served, serve
from tests.central.site_client import PATIENCE, SiteClient, WorkingSite, ready_status

SPEC = {
    "targets": [{"column": "y", "type": "continuous"}],
    "imputations": 2,
    "iteration_before_first_imputation": 2,
    "iteration_between_imputations": 1,
    "seed": 7,
}


class Federation:
    """A runner, two connected sites and a job of theirs."""

    def __init__(self, runner: Person, sites: list[SiteClient], digest: str) -> None:
        self.runner, self.sites, self.digest = runner, sites, digest
        self.job_id = ""
        self.spec = SPEC

    @property
    def path(self) -> str:
        return f"/api/jobs/{self.job_id}"

    async def draft(self, **changes) -> dict:
        body = {"name": "Test", "pair": self.digest, "participants": [site.site_id for site in self.sites], "spec": self.spec, **changes}
        job = await self.runner.call("POST", "/api/jobs", 201, json=body)
        self.job_id = job["id"]
        return job

    async def open(self) -> dict:
        await self.draft()
        return await self.runner.call("POST", f"{self.path}/open")

    async def upload(self, csv: bytes, status: int = 200) -> dict:
        return await self.runner.call("PUT", f"{self.path}/data", status, content=csv, headers={"Content-Type": "text/csv"})

    async def get(self) -> dict:
        return await self.runner.call("GET", self.path)

    async def ledger_until(self, kind: str, seconds: float = PATIENCE) -> list[dict]:
        """The ledger of the job, once its last line is of a kind: a job has ended a moment before its rows are wiped."""
        async with asyncio.timeout(seconds):
            while (lines := await self.runner.call("GET", f"{self.path}/ledger"))[-1]["kind"] != kind:
                await asyncio.sleep(0.05)
        return lines

    async def until(self, condition, seconds: float = PATIENCE) -> dict:
        async with asyncio.timeout(seconds):
            while not condition(job := await self.get()):
                await asyncio.sleep(0.05)
        return job


def sites_of(job: dict) -> list[dict]:
    """The rows of a board that are not central's."""
    return [row for row in job["board"] if row["participant"] != "central"]


async def make_federation(served: Served, admin: Person, make_site: MakeSite, n_sites: int = 2) -> Federation:
    runner = await served.person(admin, "rita", "runner")
    sites = [await make_site(f"site{number}") for number in range(n_sites)]
    for site in sites:
        await site.connect()
    pairs = await runner.call("GET", "/api/pairs")
    return Federation(runner, sites, next(pair["digest"] for pair in pairs if pair["name"] == "SIMICE"))


@pytest_asyncio.fixture(loop_scope="session")
async def federation(served: Served, admin: Person, make_site: MakeSite) -> AsyncIterator[Federation]:
    federation = await make_federation(served, admin, make_site)
    yield federation
    if federation.job_id:
        job = await federation.get()
        if job["state"] in ("DRAFT", "WAITING", "RUNNING"):
            await federation.runner.call("POST", f"{federation.path}/cancel")
    await federation.runner.http.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def working(federation: Federation, supervisor: Supervisor, tmp_path: Path) -> AsyncIterator[list[WorkingSite]]:
    """Both sites, with gates of their own."""
    sites = [WorkingSite(site, supervisor, tmp_path) for site in federation.sites]
    yield sites
    for site in sites:
        await site.close()


async def get_all_ready(federation: Federation, working: list[WorkingSite]) -> None:
    await federation.open()
    report = await federation.upload(synthetic_csv(1))
    assert report["is_clean"], report
    for number, site in enumerate(working):
        await site.get_ready(synthetic_csv(2 + number))


async def test_a_job_runs_and_its_result_is_downloaded_twice_and_wiped_on_close(federation, working, served):
    await get_all_ready(federation, working)
    assert (await federation.get())["state"] == "WAITING"
    await federation.runner.call("POST", f"{federation.path}/start")
    ends = await asyncio.gather(*(site.work() for site in working))
    assert [(end.state, end.code) for end in ends] == [("FINISHED", None)] * 2
    job = await federation.until(lambda job: job["state"] == "FINISHED")
    assert job["expires_at"]
    archives = []
    for _ in range(2):
        answer = await federation.runner.http.get(f"{federation.path}/result")
        assert answer.headers["content-type"] == "application/zip"
        archives.append(zipfile.ZipFile(io.BytesIO(answer.content)))
    assert archives[0].namelist() == archives[1].namelist()
    assert {"imputed_001.csv", "imputed_002.csv", "imputed_long.csv", "run.json"} <= set(archives[0].namelist())
    run = json.loads(archives[0].read("run.json"))
    assert run["participants"] == ["central", *sorted(site.site_id for site in federation.sites)]
    assert b"NA" not in archives[0].read("imputed_001.csv")
    ledger = await federation.runner.call("GET", f"{federation.path}/ledger")
    assert ledger
    assert all(entry["job"] == federation.job_id for entry in ledger)
    assert (await federation.runner.call("GET", "/api/ledger/verdict"))["holds"]
    closed = await federation.runner.call("POST", f"{federation.path}/close")
    assert closed["state"] == "CLOSED"
    after = await federation.runner.call("GET", f"{federation.path}/ledger")
    assert [entry["kind"] for entry in after[len(ledger) :]] == ["wipe"]
    assert (await federation.runner.http.get(f"{federation.path}/result")).status_code == 409


async def test_plots_of_a_finished_job_are_pictures_without_script_and_gone_when_it_is_closed(federation, working):
    await get_all_ready(federation, working)
    assert (await federation.runner.http.get(f"{federation.path}/plots/trace.svg")).status_code == 409
    await federation.runner.call("POST", f"{federation.path}/start")
    await asyncio.gather(*(site.work() for site in working))
    await federation.until(lambda job: job["state"] == "FINISHED")
    names = ("trace", "density", "missingness")
    answers = await asyncio.gather(*(federation.runner.http.get(f"{federation.path}/plots/{name}.svg") for name in names))
    for answer in answers:
        assert answer.headers["content-type"].startswith("image/svg+xml")
        picture = ElementTree.fromstring(answer.text)  # noqa: S314 - our own picture
        assert not any(element.tag.endswith(("script", "style", "image", "use")) for element in picture.iter())
    assert (await federation.runner.http.get(f"{federation.path}/plots/ledger.svg")).status_code == 422
    await federation.runner.call("POST", f"{federation.path}/close")
    assert (await federation.runner.http.get(f"{federation.path}/plots/trace.svg")).status_code == 409


async def test_a_reader_that_leaves_early_does_not_spoil_the_next_download(federation, working):
    await get_all_ready(federation, working)
    await federation.runner.call("POST", f"{federation.path}/start")
    await asyncio.gather(*(site.work() for site in working))
    await federation.until(lambda job: job["state"] == "FINISHED")
    async with federation.runner.http.stream("GET", f"{federation.path}/result") as answer:
        async for _ in answer.aiter_raw(1):
            break
    answer = await federation.runner.http.get(f"{federation.path}/result")
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None


async def test_nothing_runs_until_everybody_has_started(federation, working):
    await get_all_ready(federation, working[:1])
    await federation.runner.call("POST", f"{federation.path}/start")
    await federation.until(lambda job: sum(row["is_started"] for row in job["board"]) == 2)
    # A run that had begun would refuse this, also when its row did not say so yet.
    await federation.runner.call("POST", f"{federation.path}/start")
    job = await federation.get()
    assert job["state"] == "WAITING"
    assert job["board"][0]["is_started"]
    assert sum(row["is_started"] for row in job["board"]) == 2


async def test_sites_are_offered_the_job_and_see_the_same_board(federation):
    await federation.open()
    for site in federation.sites:
        offer = await site.expect(JobOffer)
        assert (offer.job_id, offer.digest, offer.contract) == (federation.job_id, federation.digest, None)
        assert [row.participant for row in offer.board] == ["central", *sorted(other.site_id for other in federation.sites)]
    await federation.upload(synthetic_csv(1))
    for site in federation.sites:
        offer = await site.expect(JobOffer)
        assert [column.name for column in offer.contract.columns] == ["y", "x1", "x2"]
        await site.send(SiteStatus(offer.job_id, approved_digest=offer.digest))
    await federation.until(lambda job: all(row["is_approved"] for row in job["board"]))
    for site in federation.sites:
        update = await site.expect(BoardUpdate, lambda message: all(row.is_approved for row in message.board))
        assert update.board[0].is_ready


async def test_what_an_owner_tells_reaches_central_as_code_and_column_and_no_other_site(federation):
    await federation.open()
    await federation.upload(synthetic_csv(1))
    site = federation.sites[0]
    offer = await site.expect(JobOffer, lambda message: message.contract is not None)
    told = Finding(Code.DATA_NOT_NUMERIC, "stop", 2, {"line": 17, "column": "secret"})
    await site.send(ready_status(offer, is_ready=False, is_started=True, told=(told,)))
    job = await federation.until(lambda job: any(row["told"] for row in job["board"]))
    row = next(row for row in job["board"] if row["told"])
    assert "x1" in row["told"][0]["sentence"]
    assert "secret" not in json.dumps(job)
    assert "17" not in row["told"][0]["sentence"]
    assert not row["is_started"]
    seen = BoardRow(site.site_id, row["institution"], is_online=True, is_approved=True)
    update = await federation.sites[1].expect(BoardUpdate, lambda message: seen in message.board)
    assert b"data.not_numeric" not in encode(update)


async def test_a_rule_that_a_site_does_not_keep_is_named_on_the_board_without_gaps_for_its_numbers(federation):
    await federation.open()
    await federation.upload(synthetic_csv(1))
    site = federation.sites[0]
    offer = await site.expect(JobOffer, lambda message: message.contract is not None)
    told = Finding(Code.RULE_CELL_CROSS, "stop", 2, {"found": 3, "other": "x2"})
    await site.send(ready_status(offer, is_ready=False, told=(told,)))
    job = await federation.until(lambda job: any(row["told"] for row in job["board"]))
    (finding,) = next(row["told"] for row in job["board"] if row["told"])
    assert finding["sentence"] == "Column 'x1': the rule cell_cross asks for no pair of values held by a few people only."


async def test_what_a_site_says_without_end_does_not_reach_the_board(federation):
    await federation.open()
    await federation.upload(synthetic_csv(1))
    site = federation.sites[0]
    offer = await site.expect(JobOffer, lambda message: message.contract is not None)
    endless = (Finding(Code.DATA_NOT_NUMERIC, "stop", 2),) * 5000
    await site.send(ready_status(offer, is_ready=False, told=endless))
    job = await federation.until(lambda job: any(row["told"] for row in job["board"]))
    row = next(row for row in job["board"] if row["told"])
    assert len(row["told"]) == 200


async def test_another_contract_voids_what_sites_uploaded(federation):
    await federation.open()
    await federation.upload(synthetic_csv(1))
    site = federation.sites[0]
    offer = await site.expect(JobOffer, lambda message: message.contract is not None)
    await site.send(ready_status(offer))
    await federation.until(lambda job: any(row["is_started"] for row in job["board"]))
    await federation.upload(synthetic_csv(1, names=("y", "x1", "x3")))
    job = await federation.get()
    assert not any(row["is_ready"] or row["is_started"] for row in sites_of(job))
    # A status that was under way counts no more for the upload, as it does for the pair, which shows that it came.
    await site.send(SiteStatus(offer.job_id))
    await federation.until(lambda job: not any(row["is_approved"] for row in sites_of(job)))
    await site.send(ready_status(offer))
    job = await federation.until(lambda job: any(row["is_approved"] for row in sites_of(job)))
    assert not any(row["is_ready"] or row["is_started"] for row in sites_of(job))
    # One for the new contract counts.
    again = await site.expect(JobOffer, lambda message: message.contract is not None)
    await site.send(ready_status(again))
    await federation.until(lambda job: any(row["is_started"] for row in job["board"]))


async def test_central_uploading_the_same_columns_again_keeps_what_sites_did(federation):
    await federation.open()
    await federation.upload(synthetic_csv(1))
    site = federation.sites[0]
    offer = await site.expect(JobOffer, lambda message: message.contract is not None)
    await site.send(ready_status(offer))
    await federation.until(lambda job: any(row["is_started"] for row in job["board"]))
    await federation.upload(synthetic_csv(5))
    assert any(row["is_started"] for row in (await federation.get())["board"])


@pytest.mark.parametrize(
    ("csv", "code"),
    [
        (b"", "data.empty"),
        (b"y,x1,x2\n", "data.header_only"),
        (b"1,2,3\n4,5,6\n", "data.header_looks_like_data"),
        (b"y,x1,x2\n1,2\n", "data.line_fields"),
        (b"y,x1,x2\n1,2,\x81\n", "data.not_utf8"),
        (b"y,x1,x2\n1,2,3\n4,5,1.299\n", "data.ambiguous"),
    ],
)
async def test_a_bad_upload_is_explained_and_can_be_repeated(federation, csv, code):
    await federation.open()
    report = await federation.upload(csv)
    assert not report["is_clean"]
    assert code in [finding["code"] for finding in report["findings"]]
    assert all(finding["remedy"] for finding in report["findings"])
    refused = await federation.runner.http.post(f"{federation.path}/start")
    assert (refused.status_code, refused.json()["code"]) == (409, "site.no_upload")
    assert (await federation.upload(synthetic_csv(1)))["is_clean"]


async def test_what_was_assumed_to_read_a_file_is_told_on_the_page(federation):
    await federation.open()
    report = await federation.upload(synthetic_csv(1).replace(b",", b";").replace(b".", b",") + b";;;\r\n")
    assert report["is_clean"]
    assert [(found["code"], found["severity"]) for found in report["findings"]] == [
        ("data.separator", "notice"),
        ("data.empty_lines", "notice"),
        ("data.decimal_comma", "notice"),
    ]
    page = (await federation.runner.http.get(f"{federation.path.removeprefix('/api')}", headers={"Accept": "text/html"})).text
    assert "The cells of the file are separated by semicolons." in page
    assert "Commas were read as decimal commas in" in page


async def test_an_upload_that_breaks_off_leaves_the_job_usable(federation, served):
    await federation.open()

    async def broken():
        yield synthetic_csv(1)[:2000]
        raise RuntimeError("the browser was closed")

    with pytest.raises((RuntimeError, httpx.HTTPError)):
        await federation.runner.http.put(f"{federation.path}/data", content=broken())
    assert not (await federation.get())["board"][0]["is_ready"]
    assert (await federation.upload(synthetic_csv(1)))["is_clean"]


def n_locked_children() -> int:
    """Children of the zygotes of this process, whichever thread started them."""
    return sum(len(children_of(zygote)) for zygote in children_of(os.getpid()))


def children_of(pid: int) -> list[int]:
    """Of any of its threads; one that has ended meanwhile has none."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, path.read_text(encoding="ascii").split())
    return found


async def test_cancel_during_an_upload_wipes_what_was_sent(federation):
    await federation.open()
    is_sent, is_cancelled = asyncio.Event(), asyncio.Event()

    async def slow():
        yield synthetic_csv(1)[:2000]
        is_sent.set()
        await is_cancelled.wait()
        yield synthetic_csv(1)[2000:]

    n_before = n_locked_children()
    upload = asyncio.create_task(federation.runner.http.put(f"{federation.path}/data", content=slow()))
    await is_sent.wait()
    while n_locked_children() == n_before:
        await asyncio.sleep(0.02)
    assert (await federation.runner.call("POST", f"{federation.path}/cancel"))["state"] == "CANCELLED"
    is_cancelled.set()
    assert (await upload).status_code in (409, 502)
    ledger = await federation.runner.call("GET", f"{federation.path}/ledger")
    assert [entry["kind"] for entry in ledger] == ["wipe"]
    refused = await federation.runner.http.put(f"{federation.path}/data", content=synthetic_csv(1))
    assert (refused.status_code, refused.json()["code"]) == (409, "job.state")


async def test_cancel_while_centrals_gate_is_opened_means_that_no_row_is_read(federation, monkeypatch):
    await federation.open()
    is_opened, is_cancelled = asyncio.Event(), asyncio.Event()
    open_gate = LocalParticipant.open

    async def slowly(*about):
        gate = await open_gate(*about)
        is_opened.set()
        await is_cancelled.wait()
        return gate

    monkeypatch.setattr(LocalParticipant, "open", slowly)
    upload = asyncio.create_task(federation.runner.http.put(f"{federation.path}/data", content=synthetic_csv(1)))
    await is_opened.wait()
    assert (await federation.runner.call("POST", f"{federation.path}/cancel"))["state"] == "CANCELLED"
    is_cancelled.set()
    answer = await upload
    assert (answer.status_code, answer.json()["code"]) == (409, "job.state")
    ledger = await federation.runner.call("GET", f"{federation.path}/ledger")
    assert [entry["kind"] for entry in ledger] == ["wipe"]


async def test_a_site_that_cancels_ends_the_job_for_all(federation):
    await federation.open()
    first, second = federation.sites
    await first.expect(JobOffer)
    await first.send(SiteCancel(federation.job_id))
    end = await second.expect(JobEnded)
    assert (end.state, end.code, end.culprit) == (JobState.CANCELLED, Code.JOB_CANCELLED, first.site_id)
    job = await federation.get()
    assert (job["state"], job["culprit"]) == ("CANCELLED", first.site_id)


async def test_cancel_while_running_wipes_central_and_tells_the_sites(federation, working):
    await get_all_ready(federation, working)
    pause = asyncio.Event()
    works = [asyncio.create_task(site.work(pause, 2)) for site in working]
    await federation.runner.call("POST", f"{federation.path}/start")
    await federation.until(lambda job: job["state"] == "RUNNING" and job["progress"]["step"] != "")
    cancelled = await federation.runner.call("POST", f"{federation.path}/cancel")
    assert cancelled["state"] == "CANCELLED"
    pause.set()
    assert [end.state for end in await asyncio.gather(*works)] == ["CANCELLED"] * 2
    ledger = await federation.runner.call("GET", f"{federation.path}/ledger")
    assert ledger[-1]["kind"] == "wipe"


async def test_a_connection_lost_in_a_run_is_resumed_and_nothing_is_lost(federation, working):
    await get_all_ready(federation, working)
    pause = asyncio.Event()
    works = [asyncio.create_task(working[0].work(pause, 2)), asyncio.create_task(working[1].work())]
    await federation.runner.call("POST", f"{federation.path}/start")
    await federation.until(lambda job: job["state"] == "RUNNING")
    while working[0].rounds < 2:
        await asyncio.sleep(0.02)
    client = working[0].client
    await client.break_off()
    await federation.until(lambda job: not all(row["is_online"] for row in job["board"]))
    await client.connect()
    assert client.opened[-1].is_new is False
    pause.set()
    assert [end.state for end in await asyncio.gather(*works)] == ["FINISHED"] * 2


async def test_a_site_that_stays_away_fails_the_job_naming_it(settings, supervisor, tmp_path):
    async with serve(settings.model_copy(update={"away_seconds": 1.0})) as served:
        federation = await lonely_federation(served, await served.sign_in("ada"))
        site = WorkingSite(federation.sites[0], supervisor, tmp_path)
        await get_all_ready(federation, [site])
        work = asyncio.create_task(site.work(asyncio.Event(), 2))
        await federation.runner.call("POST", f"{federation.path}/start")
        while site.rounds < 2:
            await asyncio.sleep(0.02)
        await site.client.break_off()
        job = await federation.until(lambda job: job["state"] == "FAILED")
        assert (job["code"], job["culprit"]) == (Code.SITE_LOST, site.client.site_id)
        assert site.client.site_id in job["sentence"]
        work.cancel()


async def test_a_site_that_owes_no_answer_may_be_away_while_another_one_does(settings, supervisor, tmp_path):
    async with serve(settings.model_copy(update={"away_seconds": 0.5})) as served:
        federation = await lonely_federation(served, await served.sign_in("ada"), "quick", "slow")
        quick, slow = (WorkingSite(client, supervisor, tmp_path) for client in federation.sites)
        await get_all_ready(federation, [quick, slow])
        pause = asyncio.Event()
        works = [asyncio.create_task(quick.work()), asyncio.create_task(slow.work(pause, 2))]
        await federation.runner.call("POST", f"{federation.path}/start")
        while "card" not in quick.steps or "card" not in slow.steps:
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.0)  # until the answer of the first one is in
        await quick.client.break_off()
        await federation.until(lambda job: not all(row["is_online"] for row in job["board"]))
        await asyncio.sleep(1.5)
        job = await federation.get()
        assert (job["state"], job["code"]) == ("RUNNING", None), "it was away for three times as long as one that owes an answer may be"
        await quick.client.connect()
        pause.set()
        assert [end.state for end in await asyncio.gather(*works)] == ["FINISHED"] * 2


LONG = {**SPEC, "iteration_before_first_imputation": 10_000}
"""Central is busy with it for as long as a test looks."""


async def runs_on(federation, working, served) -> None:
    """Start, and wait until the cards are in."""
    await get_all_ready(federation, working)
    for site in working:
        served.closing.callback(asyncio.create_task(site.work()).cancel)
    await federation.runner.call("POST", f"{federation.path}/start")
    await federation.until(lambda job: any(row["is_stated"] for row in job["board"]))


async def test_once_its_card_is_in_a_site_may_go_away_and_the_job_finishes_and_the_board_says_so(settings, supervisor, tmp_path):
    async with serve(settings.model_copy(update={"away_seconds": 0.2})) as served:
        federation = await lonely_federation(served, await served.sign_in("ada"))
        federation.spec = {**SPEC, "iteration_before_first_imputation": 1500}
        site = WorkingSite(federation.sites[0], supervisor, tmp_path)
        await runs_on(federation, [site], served)
        await site.close()
        job = await federation.until(lambda job: not sites_of(job)[0]["is_online"])
        assert job["state"] == "RUNNING", "it was away while the job ran"
        since = asyncio.get_running_loop().time()
        assert [row["is_stated"] for row in job["board"]] == [False, True]
        page = (await federation.runner.http.get(f"/jobs/{federation.job_id}", headers={"Accept": "text/html"})).text
        assert "card is in" in page
        assert "offline, not needed" in page
        await federation.until(lambda job: job["state"] == "FINISHED")
        assert asyncio.get_running_loop().time() - since > 0.2, "longer than a site may be away that owes an answer"
        assert site.steps == ["margins", "card"]


async def test_another_process_of_a_site_whose_card_is_in_does_not_end_the_job(settings, supervisor, tmp_path):
    async with serve(settings.model_copy(update={"away_seconds": 0.2})) as served:
        federation = await lonely_federation(served, await served.sign_in("ada"))
        federation.spec = LONG
        site = WorkingSite(federation.sites[0], supervisor, tmp_path)
        await runs_on(federation, [site], served)
        await site.client.break_off()
        site.client.session = Session("site", secrets.token_hex(4))
        await site.client.connect()
        offer = await site.client.expect(JobOffer, lambda message: message.state is JobState.RUNNING)
        assert [row.is_stated for row in offer.board] == [False, True]
        assert (await federation.get())["state"] == "RUNNING"
        # It may still end the job for all, and central wipes what it made of the card.
        await site.client.send(SiteCancel(federation.job_id))
        job = await federation.until(lambda job: job["state"] != "RUNNING")
        assert (job["state"], job["code"], job["culprit"]) == ("CANCELLED", Code.JOB_CANCELLED, site.client.site_id)
        assert (await federation.ledger_until("wipe"))[-1]["kind"] == "wipe"
        assert (await federation.runner.http.get(f"{federation.path}/result")).status_code == 409


async def test_a_site_that_answers_exactly_is_needed_to_the_end(settings, supervisor, tmp_path):
    async with serve(settings.model_copy(update={"away_seconds": 0.5})) as served:
        federation = await lonely_federation(served, await served.sign_in("ada"))
        federation.spec = LONG
        site = WorkingSite(federation.sites[0], supervisor, tmp_path, "research")
        await get_all_ready(federation, [site])
        served.closing.callback(asyncio.create_task(site.work()).cancel)
        await federation.runner.call("POST", f"{federation.path}/start")
        while site.rounds < 4:
            await asyncio.sleep(0.02)
        job = await federation.get()
        assert not any(row["is_stated"] for row in job["board"])
        assert site.steps[:3] == ["margins", "card", "moments"]
        await site.client.break_off()
        job = await federation.until(lambda job: job["state"] != "RUNNING")
        assert (job["state"], job["code"], job["culprit"]) == ("FAILED", Code.SITE_LOST, site.client.site_id)


async def test_a_site_that_comes_back_as_another_process_fails_the_job(federation, working):
    await get_all_ready(federation, working)
    works = [asyncio.create_task(working[0].work(asyncio.Event(), 2)), asyncio.create_task(working[1].work())]
    await federation.runner.call("POST", f"{federation.path}/start")
    while working[0].rounds < 2:
        await asyncio.sleep(0.02)
    client = working[0].client
    await client.break_off()
    client.session = Session("site", secrets.token_hex(4))
    await client.connect()
    end = await works[1]
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.SITE_RESTARTED, client.site_id)
    # The new process is told that the job is over.
    assert (await client.expect(JobsOpen, lambda message: federation.job_id not in message.job_ids)).job_ids == ()
    works[0].cancel()


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\x80"], ids=["empty", "nonsense", "no message"])
async def test_a_site_that_answers_nonsense_fails_the_job_naming_it(federation, working, body):
    await get_all_ready(federation, working)
    work = asyncio.create_task(working[1].work())
    await federation.runner.call("POST", f"{federation.path}/start")
    question = await working[0].client.expect(SiteRound)
    await working[0].client.send(SiteReply(question.job_id, question.number, body))
    end = await work
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.WIRE_MESSAGE, working[0].client.site_id)


@pytest.mark.parametrize(
    "answer",
    [
        lambda question: SiteReply(question.job_id, question.number + 5, b"x"),
        lambda question: SiteReply(question.job_id, -1, b""),
        lambda question: SiteBegun(question.job_id),
    ],
    ids=["another round", "no round", "constants that were not sent"],
)
async def test_an_answer_nobody_asked_for_fails_the_job_and_closes_the_link(federation, working, answer):
    await get_all_ready(federation, working)
    work = asyncio.create_task(working[1].work())
    await federation.runner.call("POST", f"{federation.path}/start")
    await working[0].client.send(answer(await working[0].client.expect(SiteRound)))
    end = await work
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.WIRE_MESSAGE, working[0].client.site_id)
    await working[0].client.stop_reading()
    assert working[0].client.socket.close_code == CloseCode.PROTOCOL


async def test_a_site_that_cannot_go_on_fails_the_job_with_its_code(federation, working):
    await get_all_ready(federation, working)
    work = asyncio.create_task(working[1].work())
    await federation.runner.call("POST", f"{federation.path}/start")
    question = await working[0].client.expect(SiteRound)
    await working[0].client.send(SiteFailed(question.job_id, Code.WORKER_DIED))
    end = await work
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.WORKER_DIED, working[0].client.site_id)


async def test_a_gate_of_a_site_that_ends_before_it_takes_the_constants_fails_the_job_with_its_code(federation, working):
    site = working[0]
    # Constants are for a site that answers any question; of any other nothing is asked after its card.
    site.policy = built_in("research")
    await get_all_ready(federation, working)
    work = asyncio.create_task(working[1].work())
    await federation.runner.call("POST", f"{federation.path}/start")
    for _ in ("margins", "card"):
        question = await site.client.expect(SiteRound)
        body = await site.gate.run_round_bytes(question.number, question.chains)
        await site.client.send(SiteReply(question.job_id, question.number, body))
    begin = await site.client.expect(SiteBegin)
    os.kill(site.gate.processes[0].pid, signal.SIGKILL)
    with pytest.raises(TidegateError) as failure:
        await site.gate.begin(begin.constants)
    await site.client.send(SiteFailed(begin.job_id, failure.value.code))
    end = await work
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.GATE_DIED, site.client.site_id)


async def test_a_site_that_fails_after_it_has_answered_ends_the_job_at_once(federation, working):
    await get_all_ready(federation, working)
    await federation.runner.call("POST", f"{federation.path}/start")
    first, second = working
    question = await first.client.expect(SiteRound)
    await first.client.send(SiteReply(question.job_id, question.number, await first.gate.run_round_bytes(question.number, question.chains)))
    await first.client.send(SiteFailed(question.job_id, Code.LIMIT_TIME))
    # The second site never answers: nobody waits for it.
    end = await second.client.expect(JobEnded)
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.LIMIT_TIME, first.client.site_id)
    assert first.client.socket.close_code is None


async def test_a_site_whose_key_is_taken_away_fails_the_job_which_says_so(federation, working, admin):
    await get_all_ready(federation, working)
    work = asyncio.create_task(working[1].work())
    await federation.runner.call("POST", f"{federation.path}/start")
    site = working[0].client
    await site.expect(SiteRound)
    assert (await admin.http.post(f"/api/sites/{site.site_id}/revoke")).status_code == 204
    end = await work
    assert (end.state, end.code, end.culprit) == (JobState.FAILED, Code.SITE_REVOKED, site.site_id)
    assert (await federation.get())["sentence"].startswith(f"The key of site {site.site_id} was taken away")
    await site.stop_reading()
    assert site.socket.close_code == CloseCode.REVOKED


async def test_a_site_cannot_speak_for_a_job_it_is_not_in(federation, make_site):
    await federation.open()
    stranger = await make_site("stranger")
    await stranger.connect()
    await stranger.send(SiteCancel(federation.job_id))
    await stranger.send(SiteStatus(federation.job_id, approved_digest=federation.digest))
    # What it says of a job of its own comes after that, and is done.
    own = Federation(federation.runner, [stranger], federation.digest)
    await own.open()
    await stranger.send(SiteStatus(own.job_id, approved_digest=own.digest))
    await own.until(lambda job: all(row["is_approved"] for row in sites_of(job)))
    await stranger.send(SiteCancel(own.job_id))
    await own.until(lambda job: job["state"] == "CANCELLED")
    job = await federation.get()
    assert job["state"] == "WAITING"
    assert not any(row["is_approved"] for row in sites_of(job))


async def test_a_site_that_was_away_is_told_how_its_job_ended(federation):
    await federation.open()
    site = federation.sites[0]
    await site.break_off()
    await federation.runner.call("POST", f"{federation.path}/cancel")
    await site.connect()
    end = await site.expect(JobEnded)
    assert (end.job_id, end.state) == (federation.job_id, "CANCELLED")
    assert await site.expect(JobsOpen, lambda message: federation.job_id not in message.job_ids)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"participants": []}, "job.participants"),
        ({"participants": ["0123456789"]}, "request.invalid"),
        ({"pair": "0" * 64}, "request.not_found"),
        ({"spec": {**SPEC, "targets": []}}, "job.targets"),
        ({"spec": {**SPEC, "imputations": 0}}, "job.invalid"),
        ({"spec": {**SPEC, "iteration_between_imputations": 0}}, "job.thinning_zero"),
        ({"spec": {**SPEC, "nonsense": 1}}, "job.invalid"),
        ({"spec": {**SPEC, "parameters": {"nonsense": 1}}}, "job.parameters"),
        ({"spec": {**SPEC, "imputations": 3, "parameters": {"chains": 4}}}, "job.parameters"),
        ({"spec": {**SPEC, "imputations": 9, "parameters": {"chains": 9}}}, "limit.chains"),
    ],
)
async def test_a_wrong_draft_is_refused_with_what_is_wrong(federation, changes, code):
    body = {"name": "Test", "pair": federation.digest, "participants": [federation.sites[0].site_id], "spec": SPEC, **changes}
    answer = await federation.runner.http.post("/api/jobs", json=body)
    assert (answer.json()["code"], answer.status_code) == (code, 404 if code == "request.not_found" else 422)


async def test_a_draft_has_a_seed_and_complete_parameters(federation):
    spec = {key: value for key, value in SPEC.items() if key != "seed"}
    job = await federation.draft(spec=spec)
    assert isinstance(job["spec"]["seed"], int)
    assert "central_intercept" in job["spec"]["parameters"]


async def test_a_job_is_its_owners_and_looks_absent_to_others(federation, served, admin):
    await federation.draft()
    other = await served.person(admin, "otto", "runner")
    for method, path in (("GET", ""), ("POST", "/open"), ("POST", "/cancel"), ("PUT", "/data"), ("GET", "/result"), ("GET", "/ledger")):
        answer = await other.http.request(method, federation.path + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")
    assert await other.call("GET", "/api/jobs") == []
    await admin.call("GET", federation.path)
    await other.http.aclose()


@pytest.mark.parametrize("action", ["start", "close"])
async def test_a_draft_cannot_be_started_or_closed(federation, action):
    await federation.draft()
    answer = await federation.runner.http.post(f"{federation.path}/{action}")
    assert (answer.status_code, answer.json()["code"]) == (409, "job.state")


async def test_a_result_expires_and_is_wiped(settings, supervisor, tmp_path):
    async with serve(settings.model_copy(update={"result_seconds": 1})) as served:
        admin = await served.sign_in("ada")
        federation = await lonely_federation(served, admin)
        site = WorkingSite(federation.sites[0], supervisor, tmp_path)
        await get_all_ready(federation, [site])
        await federation.runner.call("POST", f"{federation.path}/start")
        await site.work()
        job = await federation.until(lambda job: job["state"] == "CLOSED")
        assert job["code"] == "result.expired"
        answer = await federation.runner.http.get(f"{federation.path}/result")
        assert (answer.status_code, answer.json()["code"]) == (410, "result.expired")
        await federation.ledger_until("wipe")
        await site.close()
        await federation.runner.http.aclose()
        await admin.http.aclose()


async def test_after_a_restart_waiting_jobs_wait_without_upload_and_running_ones_have_failed(settings, supervisor, tmp_path):
    async with serve(settings) as served:
        admin = await served.sign_in("ada")
        running = await lonely_federation(served, admin)
        site = WorkingSite(running.sites[0], supervisor, tmp_path)
        await get_all_ready(running, [site])
        work = asyncio.create_task(site.work(asyncio.Event(), 2))
        await running.runner.call("POST", f"{running.path}/start")
        while site.rounds < 2:
            await asyncio.sleep(0.02)
        waiting = Federation(running.runner, running.sites, running.digest)
        await waiting.open()
        assert (await waiting.upload(synthetic_csv(1)))["is_clean"]
        work.cancel()
        await site.close()
        await running.runner.http.aclose()
        await admin.http.aclose()
    async with serve(settings) as served:
        client = running.sites[0]
        client.served = served
        client.inbox.clear()
        await client.connect()
        assert client.opened[-1].is_new
        end = await client.expect(JobEnded)
        assert (end.job_id, end.state, end.code) == (running.job_id, "FAILED", Code.CENTRAL_RESTARTED)
        assert (await client.expect(JobsOpen)).job_ids == (waiting.job_id,)
        assert (await client.expect(JobOffer)).contract is None
        fresh = served.client()
        fresh.headers = running.runner.http.headers
        job = (await fresh.get(waiting.path)).json()
        assert (job["state"], job["contract"], job["board"][0]["is_ready"]) == ("WAITING", None, False)
        assert (await fresh.get(running.path)).json()["code"] == "central.restarted"
        await fresh.aclose()
        await client.close()


async def lonely_federation(served: Served, admin: Person, *names: str) -> Federation:
    """A runner and one site, or these, of a central that this test has to itself."""
    sites = []
    for name in names or ("alone",):
        account = await served.register(name)
        approved = await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["site"]})
        sites.append(SiteClient(served, account["username"], approved["site_id"]))
        await sites[-1].enrol()
        await sites[-1].connect()
    runner = await served.person(admin, "rita", "runner")
    pairs = await runner.call("GET", "/api/pairs")
    return Federation(runner, sites, next(pair["digest"] for pair in pairs if pair["name"] == "SIMICE"))
