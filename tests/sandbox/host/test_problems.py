"""Every failure is answered alike by both hosts: one status table, one shape, JSON for programs and a page for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from sandbox.contract import Finding
from sandbox.errors import CATALOGUE, Code, InputError, IsolationError, LimitError, PeerError, Refused, TidegateError
from sandbox.host.problems import (
    STATUS,
    Explanation,
    Findings,
    FindingView,
    Problems,
    invalid,
    not_found,
    problem_of,
    status_of,
    wants_page,
)

SHAPE = {"code", "sentence", "remedy", "findings"}
SECRET = "patient 4711"


class Body(BaseModel):
    digest: str = Field(max_length=4)


def make_app() -> FastAPI:
    app = FastAPI()
    Problems(lambda request, error, status: HTMLResponse(f"<h1>{error.sentence}</h1>", status)).install(app)

    @app.post("/api/body")
    async def body(body: Body) -> None:
        """Takes a short digest."""

    @app.get("/api/fails/{code}")
    @app.get("/fails/{code}")
    async def fails(code: Code) -> None:
        raise InputError(code)

    @app.get("/api/bug")
    async def bug() -> None:
        raise RuntimeError(SECRET)

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://host.example") as http:
        yield http


@pytest.mark.parametrize("code", list(Code))
@pytest.mark.parametrize("kind", [InputError, LimitError, PeerError, IsolationError, TidegateError])
def test_every_code_and_kind_has_one_status(code: Code, kind: type[TidegateError]) -> None:
    by_kind = {InputError: 422, LimitError: 422, PeerError: 502, IsolationError: 503, TidegateError: 500}
    assert status_of(kind(code)) == STATUS.get(code, by_kind[kind])


def test_a_refusal_of_a_site_is_no_fault_of_the_one_who_asks() -> None:
    assert status_of(Refused("site-a", Code.RULE_MIN_ROWS)) == 500


@pytest.mark.parametrize("code", list(Code))
async def test_every_code_is_answered_in_one_shape_with_its_sentence_and_remedy(client: httpx.AsyncClient, code: Code) -> None:
    answer = await client.get(f"/api/fails/{code.value}")
    assert answer.json().keys() == SHAPE
    assert answer.json()["code"] == code.value
    assert answer.json()["sentence"]
    assert bool(answer.json()["remedy"]) == bool(CATALOGUE[code].remedy)


async def test_who_tries_too_often_is_told_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/fails/access.too_many")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


async def test_a_bad_field_is_named_with_what_it_asks_for_and_never_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/body", json={"digest": SECRET})
    assert answer.status_code == 422
    assert "digest: String should have at most 4 characters" in answer.json()["sentence"]
    assert SECRET not in answer.text


async def test_a_bug_says_that_it_is_one_and_not_what_it_read(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/bug")
    assert (answer.status_code, answer.json()["code"]) == (500, Code.REQUEST_FAILED.value)
    assert SECRET not in answer.text


@pytest.mark.parametrize(("path", "method", "status"), [("/api/nothing", "GET", 404), ("/api/body", "DELETE", 405)])
async def test_what_is_not_there_is_said_in_the_same_shape(client: httpx.AsyncClient, path: str, method: str, status: int) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json().keys() == SHAPE


async def test_a_mistyped_address_is_a_page_for_a_browser(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nothing", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "accept", "is_page"),
    [
        ("/jobs", "text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("/jobs", "*/*", True),
        ("/jobs", "", True),
        ("/jobs", "application/json", False),
        ("/jobs", "text/html, application/json", True),
        ("/api/docs", "text/html", True),
        ("/api/jobs", "text/html", False),
        ("/api/jobs", "application/json", False),
    ],
)
def test_pages_are_for_people(path: str, accept: str, is_page: bool) -> None:
    assert wants_page(path, accept) is is_page


def test_the_page_gets_the_status_that_a_program_would() -> None:
    seen: list[int] = []

    def page(request: Request, error: TidegateError, status: int) -> Response:
        seen.append(status)
        return Response(status_code=status)

    request = Request({"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []})
    problems = Problems(page)
    assert problems.answer(request, not_found("job")).status_code == 404
    assert problems.answer(request, not_found("job"), 421).status_code == 421
    assert seen == [404, 421]


def test_findings_are_told_with_the_failure_and_no_others() -> None:
    finding = FindingView.of(Finding(Code.DATA_NOT_NUMERIC, column=2, details={"column": "age", "line": 7, "n_cells": 1}))
    assert (finding.column, finding.line, finding.severity) == (2, 7, "stop")
    assert "'age'" in finding.sentence
    assert problem_of(Findings(Code.WORKER_SOURCE, [finding])).findings == [finding]
    assert problem_of(invalid("x")).findings == []


def test_no_code_has_no_words() -> None:
    assert Explanation.of(None) == Explanation(code="", sentence="", remedy="")
