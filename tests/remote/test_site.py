"""A whole site over its public interfaces: a served application, a stand-in central over TLS, real gates and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from sandbox.contract import Finding
from sandbox.errors import Code
from sandbox.rounds.constants import constants_from
from sandbox.wire.link import (
    BoardRow,
    BoardUpdate,
    JobEnded,
    JobsOpen,
    JobState,
    SiteAnswer,
    SiteCancel,
    SiteReply,
    SiteRound,
    SiteStatus,
)
from sandbox.wire.messages import StepCall, round_reply
from tests.one_chain import answer, asks
from tests.remote.offers import CONTRACT, broken_pair, csv, offer, simice
from tests.remote.standin import StandIn, until


@pytest.fixture
async def joined(enrolled: httpx.AsyncClient, central: StandIn) -> httpx.AsyncClient:
    """A site that is online and was offered one job."""

    async def resync() -> None:
        await central.send(JobsOpen(("j1",)))
        await central.send(offer())

    central.on_open = resync
    await until(lambda: central.of(SiteStatus))
    central.on_open = None
    return enrolled


async def call(site: httpx.AsyncClient, method: str, path: str, **arguments: Any) -> Any:
    answer = await site.request(method, path, **arguments)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def seen(site: httpx.AsyncClient, path: str, condition: Callable[[Any], bool]) -> Any:
    """What an owner who looks again and again sees, once it is as it is to be."""
    while not condition(found := await call(site, "GET", path)):
        await asyncio.sleep(0.02)
    return found


async def upload(site: httpx.AsyncClient, data: bytes) -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 4096):
            yield data[start : start + 4096]

    return await site.put("/api/jobs/j1/data", content=chunks(), headers={"Content-Type": "text/csv"})


async def test_the_whole_story_of_a_job(joined: httpx.AsyncClient, central: StandIn) -> None:
    job = await call(joined, "GET", "/api/jobs/j1")
    assert job["sources"]["remote"].encode() == simice().remote_source
    assert job["contract"]["columns"][2] == {"index": 3, "name": "score", "role": "target", "type": "continuous", "levels": None, "why": ""}
    assert job["may"] == {
        "approve": True,
        "upload": False,
        "start": False,
        "show_card": False,
        "tell": False,
        "release": False,
        "cancel": True,
    }

    await call(joined, "POST", "/api/jobs/j1/approve", json={"digest": job["digest"]})
    report = (await upload(joined, csv())).json()
    assert report["is_clean"]
    started = await call(joined, "POST", "/api/jobs/j1/start")
    assert started["phase"] == "started"
    await until(lambda: central.of(SiteStatus)[-1].is_started)

    await central.send(SiteRound("j1", 0, asks(StepCall("margins"))))
    await until(lambda: central.of(SiteReply))
    margins = answer(round_reply.decode(central.of(SiteReply)[0].body)).fields["margins"]
    constants = constants_from([margins], CONTRACT)
    await central.drop()
    await until(lambda: len(central.opened) == 2)
    await central.send(SiteRound("j1", 1, asks(StepCall("card", {"centre": constants.centre, "scale": constants.scale}))))
    await until(lambda: len(central.of(SiteReply)) == 2)
    answers = [message for message in central.received if isinstance(message, SiteAnswer)]
    assert [type(message) for message in answers] == [SiteReply, SiteReply]
    assert [reply.number for reply in central.of(SiteReply)] == [0, 1]
    board = (BoardRow("central"), BoardRow("site-a", is_stated=True))
    await central.send(BoardUpdate("j1", JobState.RUNNING, board, "moments", 1, 4))
    job = await seen(joined, "/api/jobs/j1", lambda job: job["is_stated"])
    page = (await joined.get("/jobs/j1", headers={"Accept": "text/html"})).text
    assert "The card has left, the rows are wiped." in page
    assert (job["state"], job["phase"], job["progress"]) == ("RUNNING", "running", {"step": "moments", "done": 1, "total": 4})

    await central.send(JobEnded("j1", JobState.FINISHED))
    job = await seen(joined, "/api/jobs/j1", lambda job: job["phase"] == "ended")
    assert (job["state"], job["phase"], job["report"]) == ("FINISHED", "ended", None)
    lines = await call(joined, "GET", "/api/jobs/j1/ledger")
    assert [line["round"] for line in lines if line["kind"] == "release"] == [0, 1]
    assert (await call(joined, "GET", "/api/ledger/verdict"))["holds"]


async def test_a_wrong_digest_a_form_and_an_early_start_are_refused(joined: httpx.AsyncClient) -> None:
    wrong = await joined.post("/api/jobs/j1/approve", json={"digest": broken_pair().digest})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "pair.digest")
    early = await joined.post("/api/jobs/j1/start")
    assert (early.status_code, early.json()["code"]) == (409, "site.not_approved")
    form = await joined.put("/api/jobs/j1/data", files={"file": b"a,b\n"})
    assert (form.status_code, form.json()["code"]) == (422, "request.invalid")
    nothing = await joined.post("/api/jobs/j2/start")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "request.not_found")


async def test_findings_of_the_data_name_column_and_line_here_and_go_to_central_as_codes_when_the_owner_tells(
    joined: httpx.AsyncClient, central: StandIn
) -> None:
    await joined.post("/api/jobs/j1/approve", json={"digest": simice().digest})
    answer = await upload(joined, csv() + b"secret-text,1,2\n")
    finding = answer.json()["findings"][0]
    assert (finding["code"], finding["column"], finding["line"]) == ("data.not_numeric", 1, 302)
    assert "'age'" in finding["sentence"]
    assert "secret-text" not in answer.text
    job = await call(joined, "GET", "/api/jobs/j1")
    assert (job["tells"], job["is_told"], job["may"]["tell"]) == ([{"code": "data.not_numeric", "column": 1}], False, True)
    page = (await joined.get("/jobs/j1", headers={"Accept": "text/html"})).text
    assert "Tell central what stops my file" in page
    assert "<code>data.not_numeric</code>, column 1: age" in page
    assert not any(status.told for status in central.of(SiteStatus))
    other = await joined.post("/api/jobs/j1/tell", json={"findings": [{"code": "rule.min_rows", "column": 1}]})
    assert (other.status_code, other.json()["code"]) == (409, "job.state")
    told = await call(joined, "POST", "/api/jobs/j1/tell", json={"findings": job["tells"]})
    assert (told["is_told"], told["may"]["tell"]) == (True, False)
    await until(lambda: central.of(SiteStatus)[-1].told)
    assert central.of(SiteStatus)[-1].told == (Finding(Code.DATA_NOT_NUMERIC, column=1),)
    assert (await upload(joined, csv())).json()["is_clean"]
    await until(lambda: central.of(SiteStatus)[-1].is_ready)
    assert central.of(SiteStatus)[-1].told == ()


async def test_findings_of_the_source_name_their_lines(joined: httpx.AsyncClient, central: StandIn) -> None:
    pair = broken_pair()
    await central.send(offer(pair))
    await seen(joined, "/api/jobs/j1", lambda job: job["digest"] == pair.digest)
    await joined.post("/api/jobs/j1/approve", json={"digest": pair.digest})
    assert (await upload(joined, csv())).json()["is_clean"]
    answer = await joined.post("/api/jobs/j1/start")
    assert (answer.status_code, answer.json()["code"]) == (422, "worker.source")
    assert answer.json()["findings"][0]["line"] == 1


async def test_cancel_reaches_central(joined: httpx.AsyncClient, central: StandIn) -> None:
    assert (await call(joined, "POST", "/api/jobs/j1/cancel"))["phase"] == "ended"
    await until(lambda: central.of(SiteCancel))
    again = await joined.post("/api/jobs/j1/cancel")
    assert again.status_code == 409


async def test_the_status_says_how_the_link_stands(joined: httpx.AsyncClient, central: StandIn) -> None:
    status = await call(joined, "GET", "/api/status")
    assert status["link"]["state"] == "online"
    assert status["site_id"] == "site-a"
    assert status["policy"]["name"] == "default"


async def test_another_configuration_ends_what_the_old_central_offered(joined: httpx.AsyncClient, central: StandIn) -> None:
    config = {"central_url": central.url, "site_id": "site-b", "ca_fingerprint": central.fingerprint}
    await call(joined, "PUT", "/api/config", json=config)
    assert await call(joined, "GET", "/api/jobs") == []
    assert (await call(joined, "GET", "/api/status"))["link"]["state"] in ("not enrolled", "connecting", "offline")


async def test_pages_show_the_job_and_escape_what_central_says(joined: httpx.AsyncClient, central: StandIn) -> None:
    await central.send(offer(job_id="j2", name="<script>alert(1)</script>"))
    await seen(joined, "/api/jobs", lambda jobs: len(jobs) == 2)
    for path in ("/jobs", "/jobs/j1", "/jobs/j2", "/jobs/j1/live", "/jobs/j1/ledger", "/config", "/status", "/status/live", "/api/docs"):
        page = await joined.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text
    assert simice().digest in (await joined.get("/jobs/j1")).text
    assert (await joined.get("/jobs/nothing")).status_code == 404


async def test_the_page_is_not_loaded_anew_during_an_upload(joined: httpx.AsyncClient) -> None:
    await joined.post("/api/jobs/j1/approve", json={"digest": simice().digest})
    assert "X-State" in (await joined.get("/jobs/j1/live")).headers
    is_anew: list[bool] = []

    async def chunks() -> AsyncIterator[bytes]:
        yield csv()
        await seen(joined, "/api/jobs/j1", lambda job: not job["may"]["upload"])
        is_anew.append("X-State" in (await joined.get("/jobs/j1/live")).headers)

    await joined.put("/api/jobs/j1/data", content=chunks(), headers={"Content-Type": "text/csv"})
    assert is_anew == [False]


async def test_the_page_says_that_the_same_bytes_were_approved_before_and_what_the_upload_showed(
    joined: httpx.AsyncClient, central: StandIn
) -> None:
    await call(joined, "POST", "/api/jobs/j1/approve", json={"digest": simice().digest})
    await upload(joined, csv() + b"secret-text,1,2\n")
    page = (await joined.get("/jobs/j1")).text
    assert "not clean" in page
    assert "line 302" in page
    await central.send(offer(job_id="j2", name="another job"))
    await seen(joined, "/api/jobs", lambda jobs: len(jobs) == 2)
    assert (await call(joined, "GET", "/api/jobs/j2"))["approved_before"]["by"] == "olga"
    assert "approved before, for job j1, by olga on 20" in (await joined.get("/jobs/j2")).text
