"""Pages: who may see them, what they escape, and that they need nothing from elsewhere."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.central.serving import PASSWORD


async def test_a_job_and_its_ledger_have_pages(admin, make_site):
    pairs = await admin.call("GET", "/api/pairs")
    spec = {"targets": [{"column": "y", "type": "continuous"}]}
    site = await make_site("bern")
    body = {"name": "<b>Job</b>", "pair": pairs[0]["digest"], "participants": [site.site_id], "spec": spec}
    job = await admin.call("POST", "/api/jobs", 201, json=body)
    for path in ("", "/ledger"):
        text = (await admin.http.get(f"/jobs/{job['id']}{path}")).text
        assert "&lt;b&gt;Job&lt;/b&gt;" in text
    live = await admin.http.get(f"/jobs/{job['id']}/live")
    assert live.headers["x-state"] == "DRAFT"
    await admin.call("POST", f"/api/jobs/{job['id']}/cancel")
    assert "The job was cancelled" in (await admin.http.get(f"/jobs/{job['id']}")).text
    assert job["id"] in (await admin.http.get("/jobs")).text


async def test_who_is_not_signed_in_is_sent_to_sign_in(served):
    async with served.client() as http:
        for path in ("/", "/jobs", "/accounts", "/pairs", "/sites", "/mail", "/jobs/new"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path


async def test_a_page_of_another_role_says_which_role_it_needs(served, admin):
    runner = await served.person(admin, "rita", "runner")
    answer = await runner.http.get("/accounts")
    assert answer.status_code == 403
    assert "needs the role admin" in answer.text
    await runner.http.aclose()


@pytest.mark.parametrize(
    "path", ["/sign-in", "/register", "/jobs", "/jobs/new", "/pairs", "/sites", "/accounts", "/mail", "/api/docs", "/nowhere"]
)
async def test_pages_have_no_inline_code_and_load_only_from_here(admin, served, path):
    async with served.client() as http:
        http.headers = httpx.Headers() if path in ("/sign-in", "/register") else admin.http.headers
        answer = await http.get(path)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    text = answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", text)
    assert all(link.startswith("/static/") for link in re.findall(r'(?:src|href)="(\S+?\.(?:js|css|svg))"', text))


async def test_what_people_type_is_escaped(served, admin):
    async with served.client() as http:
        body = {"username": "mallory", "password": PASSWORD, "email": "m@example.org", "institution": "<script>alert(1)</script>"}
        await http.post("/api/accounts", json=body)
    text = (await admin.http.get("/accounts")).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


async def test_static_files_and_the_authority_are_there(served):
    async with served.client() as http:
        for path in ("/static/shared/style.css", "/static/shared/pages.js", "/static/central/new_job.js", "/static/central/header.js"):
            assert (await http.get(path)).status_code == 200
        pem = (await http.get("/.well-known/tidegate/ca.pem")).content
    assert pem.startswith(b"-----BEGIN CERTIFICATE-----")


async def test_the_schema_and_its_page_list_every_operation_of_the_brief(admin):
    schema = await admin.call("GET", "/api/openapi.json")
    operations = {(method.upper(), path) for path, item in schema["paths"].items() for method in item}
    expected = """
        POST /api/accounts|GET /api/accounts|POST /api/accounts/{account_id}/approve|POST /api/accounts/{account_id}/revoke
        POST /api/sessions|DELETE /api/sessions/current|GET /api/mails|GET /api/sites|POST /api/sites/{site_id}/revoke
        POST /api/enrolments|GET /api/pairs|POST /api/pairs|GET /api/pairs/{digest}|GET /api/jobs|POST /api/jobs
        GET /api/jobs/{job_id}|POST /api/jobs/{job_id}/open|PUT /api/jobs/{job_id}/data|POST /api/jobs/{job_id}/start
        POST /api/jobs/{job_id}/cancel|POST /api/jobs/{job_id}/close|GET /api/jobs/{job_id}/result|GET /api/jobs/{job_id}/ledger
        GET /api/ledger/verdict
    """
    assert operations >= {tuple(line.strip().split(" ")) for line in expected.replace("|", "\n").split("\n") if line.strip()}
    page = (await admin.http.get("/api/docs")).text
    assert "/api/jobs/{job_id}/result" in page


async def test_another_host_name_is_not_answered(served):
    async with served.client() as http:
        assert (await http.get("/sign-in", headers={"Host": "evil.example"})).status_code == 421


async def test_a_body_above_the_limit_is_refused(served):
    async with served.client() as http:
        answer = await http.post("/api/sessions", content=b"x" * (3 << 20), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
