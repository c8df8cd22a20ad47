"""The proof of isolation at a site: made on a button, kept, and named in the record of every start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from policies import built_in
from remote.app import create_app
from remote.db import open_database
from remote.probes.service import Proofs
from remote.settings import Settings
from sandbox.host.isolation import Isolator
from sandbox.ledger import verify
from tests.remote.conftest import LazyIsolator
from tests.remote.standin import served
from tests.remote.test_runs import Site
from tests.sandbox.this_machine import tier

POLICY = built_in("default")


async def made(owner: httpx.AsyncClient) -> dict[str, object]:
    """Press the button and wait."""
    answer = await owner.post("/api/probe")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    while (view := (await owner.get("/api/probe")).json())["state"] == "running":
        await asyncio.sleep(0.1)
    return view


async def test_a_site_proves_its_isolation_when_it_is_asked_to(owner: httpx.AsyncClient, app: FastAPI, settings: Settings) -> None:
    before = (await owner.get("/api/probe")).json()
    assert (before["state"], before["report"]) == ("none", None)
    assert (await owner.get("/api/status")).json()["proof"] is None
    view = await made(owner)
    assert view["state"] == "done"
    report = view["report"]
    assert isinstance(report, dict)
    assert report["holds"]
    assert {row["worker"]["verdict"] for row in report["rows"]} == {"blocked"}
    named = (await owner.get("/api/status")).json()["proof"]
    assert named == {key: report[key] for key in ("holds", "tier", "blocked", "deeds", "made_at", "digest")}
    page = (await owner.get("/proof")).text
    assert "The wall holds" in page
    assert report["digest"] in page
    assert "prove it" not in (await owner.get("/status/live")).text

    with contextlib.closing(open_database(settings.database)) as database:
        assert Proofs(database, POLICY).named() == named, "a restart forgets nothing"


async def test_one_proof_is_made_at_a_time(owner: httpx.AsyncClient) -> None:
    assert (await owner.post("/api/probe")).status_code == 202
    second = await owner.post("/api/probe")
    assert (second.status_code, second.json()["code"]) == (409, "job.state")
    assert "Trying to break out" in (await owner.get("/proof/live")).text


async def test_a_proof_that_cannot_be_made_says_why(owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.supervisor.PLATFORM", "darwin")
    view = await made(owner)
    assert view["state"] == "failed"
    assert view["error"]["code"] == "isolation.missing"  # type: ignore[index]
    assert "Linux only" in (await owner.get("/proof")).text


@pytest.mark.parametrize("path", ["/api/probe", "/proof", "/proof/live"])
async def test_nobody_else_reads_or_makes_a_proof(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code in (303, 401)
    assert (await client.post("/api/probe")).status_code == 401


async def test_a_site_that_closes_gives_up_its_proof(settings: Settings) -> None:
    app = create_app(settings, LazyIsolator(POLICY))
    async with served(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        token = (await http.post("/api/sessions", json={"password": "correct horse"})).json()["token"]
        http.cookies.clear()
        assert (await http.post("/api/probe", headers={"Authorization": f"Bearer {token}"})).status_code == 202
    left = [line for pid in children() if "sandbox.probe" in (line := command_line(pid))]
    assert left == []


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


def command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="ascii")
    except OSError:
        return ""


async def test_a_start_names_tier_and_proof_in_the_ledger_and_in_the_log_of_the_job(tmp_path: Path) -> None:
    isolator = Isolator(POLICY)
    site = Site(tmp_path, isolator)
    proof = {"holds": True, "tier": "t", "blocked": 110, "deeds": 113, "made_at": "2026-11-24T05:00:00+00:00", "digest": "d" * 64}
    site.runs._proof = lambda: proof
    try:
        await site.started()
        [line] = [line for raw in site.ledger.path.read_bytes().splitlines() if (line := json.loads(raw))["kind"] == "start"]
        assert line["proof"] == proof
        assert (line["job"], line["isolation"]["tier"]) == ("j1", tier())
        assert verify(site.ledger.path).holds
        await site.journal.close()
        [detail] = [event.detail for event in await site.journal.read("j1") if event.event == "started"]
        assert "110 of 113 blocked" in detail
        assert "d" * 16 in detail
    finally:
        await site.close()
        await isolator.close()
