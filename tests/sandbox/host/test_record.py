"""The views of a host's ledger: some lines of a job, the last ones, and odd ones too."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from sandbox.host.parts import keep_parts
from sandbox.host.record import MAX_LINES, Record, chain_router, job_router
from sandbox.ledger import Ledger


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    with contextlib.closing(Ledger(tmp_path / "ledger.jsonl")) as ledger:
        for number in range(MAX_LINES + 2):
            ledger.append(json.dumps({"job": "j1", "participant": "site", "kind": "release", "round": number}).encode())
        ledger.append(b'{"job": "odd"}')
    app = FastAPI()
    keep_parts(app, Record(tmp_path / "ledger.jsonl"))
    app.include_router(job_router)
    app.include_router(chain_router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host.example")


async def test_the_last_lines_of_a_job_are_told_in_order_and_more_when_asked_for(client: httpx.AsyncClient) -> None:
    async with client as http:
        some = (await http.get("/api/jobs/j1/ledger")).json()
        few = (await http.get("/api/jobs/j1/ledger", params={"limit": 2})).json()
        every = (await http.get("/api/jobs/j1/ledger", params={"limit": 10 * MAX_LINES})).json()
        assert (await http.get("/api/jobs/j1/ledger", params={"limit": 0})).status_code == 422
    assert [line["round"] for line in some] == list(range(2, MAX_LINES + 2))
    assert [line["round"] for line in few] == [MAX_LINES, MAX_LINES + 1]
    assert len(every) == MAX_LINES + 2


async def test_a_line_without_the_usual_keys_hides_nothing(client: httpx.AsyncClient) -> None:
    async with client as http:
        (line,) = (await http.get("/api/jobs/odd/ledger")).json()
        verdict = (await http.get("/api/ledger/verdict")).json()
    assert (line["job"], line["kind"]) == ("odd", "")
    assert (verdict["holds"], verdict["n_lines"]) == (True, MAX_LINES + 3)
