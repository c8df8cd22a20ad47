"""Who may do what at central, asked of every operation of the API and of every page of a job: one that is added later is asked, too."""

from __future__ import annotations

import re

import httpx
import pytest
import pytest_asyncio

from central.web.pages import router as pages

OPEN = {("POST", "/api/accounts"), ("POST", "/api/sessions"), ("POST", "/api/enrolments")}
"""What needs no session: it is how an account, a session and a site's key begin."""
EVERYBODY = {
    *OPEN,
    *(("GET", "/api/sessions/current"), ("DELETE", "/api/sessions/current")),
    *(("GET", "/api/sites"), ("GET", "/api/pairs"), ("GET", "/api/pairs/{digest}")),
}
"""What every account may do."""
MAY = {
    "site": EVERYBODY,
    "author": EVERYBODY | {("POST", "/api/pairs")},
    "runner": EVERYBODY | {("GET", "/api/jobs"), ("POST", "/api/jobs"), ("GET", "/api/ledger/verdict")},
}
"""What an account with this role only may do, apart from what it does with jobs of its own. All else is for administrators."""
JOB_PAGES = sorted(route.path for route in pages.routes if route.path.startswith("/jobs/{job_id}"))


def filled(path: str, job_id: str = "0") -> str:
    """A path with something in each of its gaps: a job, the name of a plot, and elsewhere what nothing is called."""
    return re.sub(r"\{\w+\}", "0", path.replace("{job_id}", job_id).replace("{name}", "trace"))


def outcome(answer: httpx.Response) -> tuple[int, str]:
    """The status of an answer, and the code of one that refuses."""
    return answer.status_code, answer.json()["code"] if answer.is_error else ""


@pytest_asyncio.fixture(loop_scope="session")
async def operations(admin):
    schema = await admin.call("GET", "/api/openapi.json")
    return [(method.upper(), path) for path, item in schema["paths"].items() for method in item]


@pytest_asyncio.fixture(loop_scope="session")
async def job(served, admin, make_site):
    """A draft of a runner's, and its owner."""
    owner = await served.person(admin, "rita", "runner")
    site = await make_site("bern")
    pairs = await owner.call("GET", "/api/pairs")
    spec = {"targets": [{"column": "y", "type": "continuous"}]}
    body = {"name": "Draft", "pair": pairs[0]["digest"], "participants": [site.site_id], "spec": spec}
    made = await owner.call("POST", "/api/jobs", 201, json=body)
    yield made["id"], owner
    await owner.call("POST", f"/api/jobs/{made['id']}/cancel")
    await owner.http.aclose()


async def test_what_is_allowed_here_is_there(operations):
    assert set.union(*MAY.values()) <= set(operations)
    assert len([path for _, path in operations if "{job_id}" in path]) >= 11
    assert {"/jobs/{job_id}", "/jobs/{job_id}/live", "/jobs/{job_id}/ledger", "/jobs/{job_id}/receipt"} <= set(JOB_PAGES)


async def test_every_operation_needs_a_session_but_those_that_begin_one(served, operations):
    async with served.client() as http:
        for method, path in operations:
            answer = await http.request(method, filled(path), json={})
            if (method, path) in OPEN:
                assert (method, path, answer.status_code) == (method, path, 422)
            else:
                assert (method, path, *outcome(answer)) == (method, path, 401, "access.sign_in")


@pytest.mark.parametrize("role", MAY)
async def test_a_role_may_do_what_is_its_own_and_nothing_else(served, admin, operations, role):
    person = await served.person(admin, "bob", role)
    for method, path in operations:
        if (method, path) in MAY[role]:
            if method == "GET" and "{" not in path:
                await person.call(method, path)
        elif not (role == "runner" and "{job_id}" in path):
            answer = await person.http.request(method, filled(path), json={})
            assert (method, path, *outcome(answer)) == (method, path, 403, "access.forbidden")
    await person.http.aclose()


async def test_an_administrator_reads_what_is_closed_to_others(admin, operations):
    closed = [path for method, path in operations if method == "GET" and "{" not in path and (method, path) not in EVERYBODY]
    assert {"/api/accounts", "/api/mails", "/api/ledger/verdict"} <= set(closed)
    for path in closed:
        await admin.call("GET", path)


async def test_everything_about_a_job_is_absent_for_a_runner_who_does_not_own_it(served, admin, operations, job):
    job_id, owner = job
    other = await served.person(admin, "otto", "runner")
    # As of a job that there is not; what the receipt says to the owner, whose draft has none, is another sentence.
    absent = await other.call("GET", "/api/jobs/0", 404)
    for method, path in operations:
        if "{job_id}" in path:
            answer = await other.http.request(method, filled(path, job_id), json={})
            assert (method, path, answer.status_code) == (method, path, 404)
            assert answer.json() == absent
    assert await owner.call("GET", f"/api/jobs/{job_id}/receipt", 404) != absent
    for path in JOB_PAGES:
        answer = await other.http.get(filled(path, job_id))
        assert (path, answer.status_code) == (path, 404)
    await other.http.aclose()
    assert (await owner.call("GET", f"/api/jobs/{job_id}"))["state"] == "DRAFT"
    for page in ("", "/live", "/ledger"):
        assert (await owner.http.get(f"/jobs/{job_id}{page}")).status_code == 200


@pytest.mark.parametrize("role", ["site", "author"])
async def test_pages_of_a_job_are_closed_to_who_is_no_runner(served, admin, job, role):
    person = await served.person(admin, "bob", role)
    for path in JOB_PAGES:
        answer = await person.http.get(filled(path, job[0]))
        assert (path, answer.status_code) == (path, 403)
    await person.http.aclose()
