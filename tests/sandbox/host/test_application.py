"""The application that both hosts are made of: parts by class, one page for failures, and a model for every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, Response

from central.app import create_app as create_central
from central.authority import make_authority
from central.settings import Settings as CentralSettings
from central.settings import make_data_dir
from remote.app import create_app as create_site
from remote.keys import Keys
from remote.settings import Settings as SiteSettings
from sandbox.errors import Code, InputError
from sandbox.host.application import is_upload, make_application
from sandbox.host.pages import Pages, Show
from sandbox.host.parts import part

JSON = "application/json"


class Clock:
    """A part."""

    now = "noon"


class StoppedClock(Clock):
    """A part that stands in for another."""

    now = "midnight"


@asynccontextmanager
async def nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


def make(folder: Path, *parts: object) -> FastAPI:
    (folder / "hello.html").write_text("{{ user }} at {{ path }}: {{ word }}")
    pages = Pages(folder, brand="Test", frame_of=lambda request: {"nav": [], "user": "nobody"})
    return make_application("Test", lifespan=nothing, pages=pages, names=["host.example"], parts=parts)


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://host.example")


async def test_a_route_finds_its_parts_by_class_and_a_stand_in_by_the_class_it_stands_for(tmp_path: Path) -> None:
    app = make(tmp_path, StoppedClock())

    @app.get("/api/now")
    async def now(clock: Annotated[Clock, Depends(part(Clock))]) -> str:
        return clock.now

    async with client(app) as http:
        assert (await http.get("/api/now")).json() == "midnight"


async def test_a_part_that_is_not_there_is_a_failure_of_ours(tmp_path: Path) -> None:
    app = make(tmp_path)

    @app.get("/api/now")
    async def now(clock: Annotated[Clock, Depends(part(Clock))]) -> str:
        return clock.now

    async with client(app) as http:
        assert (await http.get("/api/now")).status_code == 500


async def test_a_page_is_shown_in_the_frame_of_its_host(tmp_path: Path) -> None:
    app = make(tmp_path)

    @app.get("/hello")
    async def hello(show: Show) -> Response:
        return show("hello.html", word="good day")

    async with client(app) as http:
        assert (await http.get("/hello")).text == "nobody at /hello: good day"


@pytest.mark.parametrize(
    ("method", "path", "status", "location"),
    [("GET", "/private", 303, "/sign-in"), ("POST", "/private", 401, None), ("GET", "/private/live", 401, None)],
)
async def test_who_is_not_signed_in_is_led_to_sign_in_but_scripts_are_told(
    tmp_path: Path, method: str, path: str, status: int, location: str | None
) -> None:
    app = make(tmp_path)

    @app.api_route("/private", methods=["GET", "POST"])
    @app.get("/private/live")
    async def private(request: Request) -> None:
        raise InputError(Code.ACCESS_SIGN_IN)

    async with client(app) as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.headers.get("location")) == (status, location)


@pytest.mark.parametrize(("path", "is_one"), [("/api/jobs/j1/data", True), ("/api/jobs/j1", False), ("/data", False), ("/api/data", False)])
def test_only_data_sets_may_be_long(path: str, is_one: bool) -> None:
    assert is_upload(path) is is_one


# --- both hosts -------------------------------------------------------------------------------------------------------------------------


def make_central(folder: Path) -> FastAPI:
    settings = CentralSettings(data_dir=folder)
    make_data_dir(settings.data_dir)
    return create_central(settings, make_authority(settings))


def make_site(folder: Path) -> FastAPI:
    settings = SiteSettings(data_dir=folder)
    settings.data_dir.mkdir(mode=0o700)
    Keys(settings.data_dir).create_row_secret()
    return create_site(settings)


BOTH = pytest.mark.parametrize("make_host", [make_central, make_site])


def operations(app: FastAPI) -> dict[str, Any]:
    return {f"{method.upper()} {path}": operation for path, item in app.openapi()["paths"].items() for method, operation in item.items()}


def answer_models(operation: dict[str, Any]) -> list[str]:
    """Names of the models of the answers that are no failures; a list names the model of its items."""
    found = []
    for status, response in operation["responses"].items():
        for media, content in response.get("content", {}).items():
            if status.startswith("2") and media == JSON:
                schema = content["schema"]
                found.append(schema.get("$ref", schema.get("items", {}).get("$ref", "")).rpartition("/")[2])
    return found


@BOTH
def test_every_operation_names_the_model_of_its_answer(make_host, tmp_path: Path) -> None:
    found = operations(make_host(tmp_path / "host"))
    assert len(found) > 15
    without = {name for name, operation in found.items() if "" in answer_models(operation)}
    assert without == set()
    # An operation without JSON answers with nothing (204), or says what kind of text or file comes.
    for name, operation in found.items():
        if not answer_models(operation) and "204" not in operation["responses"]:
            assert operation["responses"]["200"]["content"], name


@BOTH
def test_every_operation_says_how_it_fails(make_host, tmp_path: Path) -> None:
    for name, operation in operations(make_host(tmp_path / "host")).items():
        for statuses in ("4XX", "5XX"):
            assert operation["responses"][statuses]["content"][JSON]["schema"]["$ref"].endswith("/Problem"), name
        assert "422" not in operation["responses"], name


def test_what_both_hosts_offer_has_the_same_answers(tmp_path: Path) -> None:
    central, site = operations(make_central(tmp_path / "central")), operations(make_site(tmp_path / "site"))
    shared = {
        "GET /api/jobs/{job_id}/ledger": ["EntryView"],
        "GET /api/jobs/{job_id}/receipt": ["Receipt"],
        "GET /api/ledger/verdict": ["VerdictView"],
        "PUT /api/jobs/{job_id}/data": ["ReportView"],
        "POST /api/sessions": ["Token"],
    }
    for name, models in shared.items():
        assert answer_models(central[name]) == answer_models(site[name]) == models
    assert central["DELETE /api/sessions/current"]["responses"].keys() == site["DELETE /api/sessions/current"]["responses"].keys()


@BOTH
async def test_a_mistyped_address_is_a_page_for_people_and_json_for_programs(make_host, tmp_path: Path) -> None:
    app = make_host(tmp_path / "host")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        page = await http.get("/jbos", headers={"Accept": "text/html"})
        answer = await http.get("/jbos", headers={"Accept": JSON})
    assert (page.status_code, answer.status_code) == (404, 404)
    assert "There is no such page" in page.text
    assert '<a class="brand"' in page.text
    assert answer.json()["code"] == Code.REQUEST_NOT_FOUND.value


@BOTH
@pytest.mark.parametrize(("path", "status"), [("/sign-in", 200), ("/jbos", 404), ("/bug", 500), ("/api/bug", 500)])
async def test_every_answer_has_the_security_headers_also_that_of_a_bug(make_host, tmp_path: Path, path: str, status: int) -> None:
    app = make_host(tmp_path / "host")

    @app.get("/bug")
    @app.get("/api/bug")
    async def bug() -> None:
        raise RuntimeError("patient 4711")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get(path)
    assert answer.status_code == status
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "4711" not in answer.text


async def test_a_page_that_fails_itself_is_answered_all_the_same(tmp_path: Path) -> None:
    def frame_of(_request: Request) -> dict[str, Any]:
        raise RuntimeError("the frame is broken, too")

    pages = Pages(tmp_path, brand="Test", frame_of=frame_of)
    async with client(make_application("Test", lifespan=nothing, pages=pages, names=["host.example"], parts=[])) as http:
        answer = await http.get("/jbos", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (500, Code.REQUEST_FAILED.value)


@BOTH
async def test_another_host_name_is_refused_with_a_page_and_the_remedy(make_host, tmp_path: Path) -> None:
    app = make_host(tmp_path / "host")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evil.example") as http:
        page = await http.get("/jobs", headers={"Accept": "text/html"})
    assert page.status_code == 421
    assert "<h1>" in page.text
