"""Who may speak to a site's server: the signed-in owner, under the server's own name, from its own pages."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from tests.remote.conftest import PASSWORD

OPEN = {("POST", "/api/sessions")}


def operations(app: FastAPI) -> list[tuple[str, str]]:
    found = [(method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item]
    assert len(found) > 12
    return found


async def test_every_operation_but_sign_in_needs_a_session(app: FastAPI, client: httpx.AsyncClient) -> None:
    for method, path in operations(app):
        if (method, path) not in OPEN:
            answer = await client.request(method, path.replace("{job_id}", "j1"), json={})
            assert (method, path, answer.status_code) == (method, path, 401)
            assert answer.json()["code"] == "access.sign_in"


async def test_every_page_but_sign_in_leads_to_sign_in(client: httpx.AsyncClient) -> None:
    for path in ("/jobs", "/jobs/j1", "/jobs/j1/ledger", "/config", "/status"):
        answer = await client.get(path)
        assert (path, answer.status_code, answer.headers.get("location")) == (path, 303, "/sign-in")
    assert (await client.get("/jobs/live")).status_code == 401


async def test_a_revoked_token_is_refused(owner: httpx.AsyncClient) -> None:
    assert (await owner.get("/api/jobs")).status_code == 200
    assert (await owner.delete("/api/sessions/current")).status_code == 204
    assert (await owner.get("/api/jobs")).status_code == 401


async def test_a_wrong_password_says_so_and_is_rate_limited(client: httpx.AsyncClient) -> None:
    codes = [(await client.post("/api/sessions", json={"password": "wrong"})).json()["code"] for _ in range(11)]
    assert codes == ["access.credentials"] * 10 + ["access.too_many"]


async def test_no_address_that_a_client_claims_or_has_gives_it_more_attempts(client: httpx.AsyncClient) -> None:
    for number in range(10):
        headers = {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
        assert (await client.post("/api/sessions", json={"password": "wrong"}, headers=headers)).status_code == 401
    other = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=client.base_url, transport=other, timeout=30) as elsewhere:
        assert (await elsewhere.post("/api/sessions", json={"password": PASSWORD})).status_code == 429


async def test_an_invalid_request_does_not_echo_the_password(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/sessions", json={"password": ["hunter2-hunter2"]})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


async def test_a_rebound_host_name_is_refused(owner: httpx.AsyncClient) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "192.168.0.9"):
        assert (await owner.get("/api/jobs", headers={"Host": host})).status_code in (400, 421)
        assert (await owner.get("/sign-in", headers={"Host": host})).status_code in (400, 421)


async def test_the_own_host_names_are_served(owner: httpx.AsyncClient) -> None:
    port = owner.base_url.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        assert (await owner.get("/api/jobs", headers={"Host": host})).status_code == 200


async def test_a_cookie_works_from_the_own_pages_only(client: httpx.AsyncClient) -> None:
    port = client.base_url.port
    signed_in = await client.post("/api/sessions", json={"password": PASSWORD})
    cookie = signed_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert (await client.get("/api/jobs")).status_code == 200
    for origin in (f"http://127.0.0.1:{port + 1}", "https://evil.example", "null", None):
        headers = {} if origin is None else {"Origin": origin}
        answer = await client.delete("/api/sessions/current", headers=headers)
        assert (origin, answer.status_code) == (origin, 403)
    assert (await client.delete("/api/sessions/current", headers={"Origin": f"http://127.0.0.1:{port}"})).status_code == 204


async def test_two_sites_on_one_machine_have_two_cookies(client: httpx.AsyncClient) -> None:
    await client.post("/api/sessions", json={"password": PASSWORD})
    assert [cookie.name for cookie in client.cookies.jar] == [f"tidegate_site_{client.base_url.port}"]


async def test_pages_forbid_foreign_scripts_and_frames(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/sign-in")).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_large_bodies_are_refused_except_data(owner: httpx.AsyncClient) -> None:
    answer = await owner.put("/api/config", content=b"x" * (3 << 20))
    assert answer.status_code == 413


async def test_unknown_paths_are_json_errors(owner: httpx.AsyncClient) -> None:
    answer = await owner.get("/api/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")


async def test_the_reference_lists_every_operation(app: FastAPI, client: httpx.AsyncClient) -> None:
    page = (await client.get("/api/docs")).text
    for method, path in operations(app):
        assert f"<code>{path}</code>" in page, method
