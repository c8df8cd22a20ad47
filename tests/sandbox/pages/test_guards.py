"""Headers, Host and Origin of every page, around a real ASGI application."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sandbox.errors import LimitError
from sandbox.pages.bodies import BodyLimit
from sandbox.pages.headers import SecurityHeaders
from sandbox.pages.origin import OriginCheck, host_name
from sandbox.pages.reference import operations
from sandbox.pages.templates import make_templates


async def _answer(request):
    return PlainTextResponse("inside")


@pytest.fixture
async def client():
    inner = Starlette(routes=[Route("/{path:path}", _answer, methods=["GET", "POST"])])
    app = SecurityHeaders(OriginCheck(inner, ["central.example", "::1"]))
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
        ({"authorization": "Bearer x", "origin": "https://evil.example"}, 403),
    ],
)
async def test_a_change_needs_the_servers_own_origin_or_no_browser(client, headers, status):
    assert (await client.post("/", headers=headers)).status_code == status


async def test_reading_needs_no_origin(client):
    assert (await client.get("/", headers={"cookie": "session=x"})).text == "inside"


def test_host_name_survives_nonsense():
    assert [host_name(host) for host in ("a:1", "[::1]:2", "[", "")] == ["a", "::1", "", ""]


def test_templates_escape_what_they_show(tmp_path):
    (tmp_path / "page.html").write_text("{% extends 'base.html' %}{% block title %}x{% endblock %}{% block main %}{{ name }}{% endblock %}")
    templates = make_templates(tmp_path, brand="Tidegate", nav=[], user="", path="/")
    page = templates.get_template("page.html").render(name="<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_reference_lists_fields_of_a_body():
    schema = {
        "paths": {"/api/x": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}}},
        "components": {"schemas": {"X": {"required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}},
    }
    (operation,) = operations(schema)
    assert (operation.method, operation.fields) == ("POST", ("a: string", "b: integer (optional)"))


@pytest.mark.parametrize(("path", "n_bytes", "status"), [("/x", 100, 200), ("/x", 101, 413), ("/x/data", 5000, 200)])
async def test_bodies_are_limited_except_streams(path, n_bytes, status):
    async def read(request):
        await request.body()
        return PlainTextResponse("read")

    app = BodyLimit(Starlette(routes=[Route("/{path:path}", read, methods=["POST"])]), lambda path: path.endswith("/data"), 100)
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

    app = BodyLimit(Starlette(routes=[Route("/x", read, methods=["POST"])]), lambda path: False, 100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://central.example") as client:
        assert (await client.post("/x", content=chunks())).text == "stopped"
