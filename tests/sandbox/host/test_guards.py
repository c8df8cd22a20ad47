"""Headers, Host and Origin of every page, around a real ASGI application."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from sandbox.errors import LimitError
from sandbox.host.bodies import BodyLimit
from sandbox.host.headers import SecurityHeaders
from sandbox.host.origin import OriginCheck, host_name
from sandbox.host.problems import Problems


async def _answer(request):
    return PlainTextResponse("inside")


def _page(request, error, status):
    return HTMLResponse(f"<h1>{error.sentence}</h1>", status)


answer = Problems(_page).answer


@pytest.fixture
async def client():
    inner = Starlette(routes=[Route("/{path:path}", _answer, methods=["GET", "POST"])])
    app = SecurityHeaders(OriginCheck(inner, ["central.example", "::1"], answer))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://central.example:8443") as client:
        yield client


async def test_every_answer_forbids_inline_scripts_framing_sniffing_and_storing(client):
    answer = await client.get("/jobs")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/static/a.css")).headers["cache-control"] == "no-cache"


async def test_refusals_carry_the_headers_too(client):
    answer = await client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 421
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    ("host", "status"), [("central.example:8443", 200), ("CENTRAL.example", 200), ("[::1]:80", 200), ("evil.example", 421), ("[", 421)]
)
async def test_only_the_names_of_the_server_are_answered(client, host, status):
    assert (await client.get("/", headers={"host": host})).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"cookie": "session=x", "origin": "https://central.example:8443"}, 200),
        ({"cookie": "session=x", "authorization": "Bearer x"}, 200),
        ({"cookie": "session=x"}, 403),
        ({"cookie": "session=x", "origin": "https://evil.example"}, 403),
        ({"cookie": "session=x", "origin": "https://central.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"authorization": "Bearer x", "origin": "https://evil.example"}, 403),
    ],
)
async def test_a_change_needs_the_servers_own_origin_or_no_browser(client, headers, status):
    assert (await client.post("/", headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("path", "headers", "kind"),
    [
        ("/jobs", {"accept": "text/html,*/*"}, "text/html; charset=utf-8"),
        ("/jobs", {"accept": "application/json"}, "application/json"),
        ("/api/jobs", {"accept": "text/html,*/*"}, "application/json"),
    ],
)
async def test_a_refused_browser_reads_a_page_and_a_program_the_one_shape_of_errors(client, path, headers, kind):
    for refused in (
        await client.get(path, headers={**headers, "host": "evil.example"}),
        await client.post(path, headers={**headers, "origin": "https://evil.example"}),
    ):
        assert refused.headers["content-type"] == kind
        assert "Open the pages under their own address" in refused.text or "<h1>" in refused.text
        if kind == "application/json":
            assert refused.json().keys() == {"code", "sentence", "remedy", "findings"}


async def test_reading_needs_no_origin(client):
    assert (await client.get("/", headers={"cookie": "session=x"})).text == "inside"


def test_host_name_survives_nonsense():
    assert [host_name(host) for host in ("a:1", "[::1]:2", "[", "")] == ["a", "::1", "", ""]


@pytest.mark.parametrize(("path", "n_bytes", "status"), [("/x", 100, 200), ("/x", 101, 413), ("/x/data", 5000, 200)])
async def test_bodies_are_limited_except_streams(path, n_bytes, status):
    async def read(request):
        await request.body()
        return PlainTextResponse("read")

    app = BodyLimit(Starlette(routes=[Route("/{path:path}", read, methods=["POST"])]), lambda path: path.endswith("/data"), answer, 100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://central.example") as client:
        assert (await client.post(path, content=b"x" * n_bytes)).status_code == status


async def test_a_body_without_a_length_is_counted_as_it_comes():
    async def read(request):
        with pytest.raises(LimitError):
            await request.body()
        return PlainTextResponse("stopped")

    async def chunks():
        for _ in range(3):
            yield b"x" * 50

    app = BodyLimit(Starlette(routes=[Route("/x", read, methods=["POST"])]), lambda path: False, answer, 100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://central.example") as client:
        refused = await client.post("/x", content=chunks(), headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (413, "request.too_large")
