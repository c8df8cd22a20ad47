"""Bad input, each with a clear error at the right place and the job still usable."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.demo.story import CENTRAL_CSV, HEART, SPEC, Federation, job_state, make_job, ready, sites_ready, wait_for
from tests.e2e.conftest import AWAY_SECONDS
from tests.e2e.servers import PATIENCE, Api, Server, ServerError, Site, free_port, poll, run_command

pytestmark = pytest.mark.e2e
SHORT = {**SPEC, "imputations": 2, "iteration_before_first_imputation": 2, "iteration_between_imputations": 1}
ENDLESS = {**SPEC, "imputations": 2, "iteration_before_first_imputation": 9000, "iteration_between_imputations": 1}
CSVS = {name: HEART / f"{name}.csv" for name in ("cleveland", "hungary")}
GOOD = (HEART / "cleveland.csv").read_bytes()
HEADER, _, ROWS = GOOD.partition(b"\n")


def swap(data: bytes, first: int, second: int) -> bytes:
    lines = [line.split(b",") for line in data.splitlines()]
    for cells in lines:
        cells[first], cells[second] = cells[second], cells[first]
    return b"\n".join(b",".join(cells) for cells in lines) + b"\n"


def without(data: bytes, column: int) -> bytes:
    return b"\n".join(b",".join(c for i, c in enumerate(line.split(b",")) if i != column) for line in data.splitlines()) + b"\n"


def with_cell(data: bytes, line: int, column: int, cell: bytes) -> bytes:
    lines = [text.split(b",") for text in data.splitlines()]
    lines[line - 1][column] = cell
    return b"\n".join(b",".join(cells) for cells in lines) + b"\n"


BAD = {
    "wrong header": (GOOD.replace(b"trestbps", b"pressure", 1), "data.header_mismatch", "pressure"),
    "permuted columns": (swap(GOOD, 4, 5), "data.header_order", "chol"),
    "missing column": (without(GOOD, 8), "data.column_missing", "thalach"),
    "non-numeric cell": (with_cell(GOOD, 7, 5, b"high"), "data.not_numeric", "chol"),
    "empty file": (b"", "data.empty", ""),
    "header only": (HEADER + b"\n", "data.header_only", ""),
    "three rows": (b"\n".join(GOOD.splitlines()[:4]) + b"\n", "rule.", ""),
    "a third level": (with_cell(GOOD, 9, 9, b"2"), "data.levels", "exang"),
    "no text": (with_cell(GOOD, 5, 0, b"M\x81ller"), "data.not_utf8", ""),
}


def findings_of(answer: Any) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = answer["findings"] if "findings" in answer else answer["report"]["findings"]
    return findings


def upload_anyway(api: Api, job_id: str, content: Any) -> list[dict[str, Any]]:
    """The findings of an upload, whatever its status."""
    response = api.client.put(f"/api/jobs/{job_id}/data", content=content, headers={"Content-Type": "text/csv"})
    assert response.status_code < 500, response.text
    return [finding for finding in findings_of(response.json()) if finding.get("severity", "stop") == "stop"]


@pytest.fixture(scope="module")
def open_job(federation: Federation) -> str:
    """A job that waits for the sites, central's data uploaded."""
    job_id = make_job(federation, SHORT)
    federation.runner.upload(job_id, CENTRAL_CSV)
    site = federation.sites["cleveland"]
    offer = site.wait_for_job(job_id, "contract")
    site.api.call("POST", f"/api/jobs/{job_id}/approve", json={"digest": offer["digest"]})
    return job_id


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_at_a_site_is_refused_there_with_column_and_line(federation: Federation, open_job: str, name: str) -> None:
    content, code, column = BAD[name]
    site = federation.sites["cleveland"]
    findings = upload_anyway(site.api, open_job, content)
    assert findings, name
    assert any(finding["code"].startswith(code) for finding in findings), findings
    assert any(column in finding["sentence"] for finding in findings), findings
    assert all(finding["remedy"] for finding in findings)
    if code == "data.not_numeric":
        assert "Line 7" in findings[0]["sentence"]
        assert "high" not in str(findings), "the cell itself is not repeated"
    assert site.api.client.post(f"/api/jobs/{open_job}/start").status_code == 409
    board = next(row for row in job_state(federation, open_job)["board"] if row["participant"] == site.site_id)
    assert not board["is_started"]


@pytest.mark.parametrize("name", [name for name in BAD if name not in ("wrong header", "permuted columns", "missing column", "three rows")])
def test_a_bad_file_at_central_is_refused_there(federation: Federation, name: str) -> None:
    job_id = make_job(federation, SHORT)
    content, code, _ = BAD[name]
    findings = upload_anyway(federation.runner, job_id, content)
    assert any(finding["code"].startswith(code) for finding in findings), findings
    federation.runner.upload(job_id, CENTRAL_CSV)
    assert job_state(federation, job_id)["contract"]
    federation.runner.call("POST", f"/api/jobs/{job_id}/cancel")


def test_a_line_of_200_megabytes_is_refused_without_being_held(federation: Federation, open_job: str) -> None:
    def endless() -> Iterator[bytes]:
        yield HEADER + b"\n"
        for _ in range(200):
            yield b"7" * (1 << 20)

    site = federation.sites["cleveland"]
    try:
        findings = upload_anyway(site.api, open_job, endless())
    except httpx.TransportError as error:
        pytest.fail(f"the connection was cut instead of answered: {error}")
    assert [finding["code"] for finding in findings] == ["data.line_too_long"]
    assert "Line 2" in findings[0]["sentence"]


def test_after_all_bad_files_the_same_job_runs_to_its_end(federation: Federation, open_job: str) -> None:
    ready(federation, open_job, CENTRAL_CSV, CSVS)
    assert wait_for(federation, open_job, ("FINISHED", "FAILED"))["state"] == "FINISHED"
    federation.runner.call("POST", f"/api/jobs/{open_job}/close")


def test_a_site_that_never_comes_is_waited_for_and_shown_and_the_job_can_be_cancelled(federation: Federation) -> None:
    away = federation.sites["hungary"]
    away.server.stop()
    try:
        job_id = make_job(federation, SHORT)
        federation.runner.upload(job_id, CENTRAL_CSV)
        federation.runner.call("POST", f"/api/jobs/{job_id}/start")
        row = next(r for r in job_state(federation, job_id)["board"] if r["participant"] == away.site_id)
        assert not row["is_online"]
        assert job_state(federation, job_id)["state"] == "WAITING"
        federation.runner.call("POST", f"/api/jobs/{job_id}/cancel")
        assert job_state(federation, job_id)["state"] == "CANCELLED"
    finally:
        come_back(federation, away)


def test_a_site_killed_before_its_card_is_in_fails_the_job_under_its_name(federation: Federation) -> None:
    job_id = make_job(federation, ENDLESS)
    sites_ready(federation, job_id, CENTRAL_CSV, CSVS)
    lost = federation.sites["hungary"]
    try:
        with lost.server.speechless():  # it is there, and owes an answer from now on
            federation.runner.call("POST", f"/api/jobs/{job_id}/start")
            wait_for(federation, job_id, ("RUNNING",))
            lost.server.kill()
        job = wait_for(federation, job_id, ("FAILED", "FINISHED", "CANCELLED"))
        assert (job["state"], job["code"], job["culprit"]) == ("FAILED", "site.lost", lost.site_id)
        assert job["sentence"]
        assert job["remedy"]
        assert federation.runner.client.get(f"/api/jobs/{job_id}/result").status_code in (404, 409, 410)
        federation.sites["cleveland"].ledger_until(job_id, "wipe")
    finally:
        come_back(federation, lost)


def test_a_site_killed_after_its_card_is_in_is_not_missed_and_the_board_says_so(federation: Federation) -> None:
    job_id = make_job(federation, {**SHORT, "iteration_before_first_imputation": 3000})
    ready(federation, job_id, CENTRAL_CSV, CSVS)
    cards_in(federation, job_id)
    gone = federation.sites["hungary"]
    gone.server.kill()
    try:
        row = poll(lambda: row_of(federation, job_id, gone), lambda row: not row["is_online"], PATIENCE, "the site to be missed")
        assert row["is_stated"]
        job = job_state(federation, job_id)
        assert job["state"] == "RUNNING", "the site went away while the job ran"
        page = federation.runner.client.get(f"/jobs/{job_id}", headers={"Accept": "text/html"}).text
        assert "offline, not needed" in page
        assert "The cards of all sites are in." in page
        assert wait_for(federation, job_id, ("FINISHED", "FAILED", "CANCELLED"))["state"] == "FINISHED"
        assert federation.runner.client.get(f"/api/jobs/{job_id}/result").status_code == 200
        other = federation.sites["cleveland"].ledger_until(job_id, "wipe")
        assert [step["step"] for line in other if line["kind"] == "release" for step in line["steps"]][:2] == ["margins", "card"]
    finally:
        come_back(federation, gone)
    federation.runner.call("POST", f"/api/jobs/{job_id}/close")


def test_a_site_may_stay_away_once_its_card_is_in_and_come_back_as_another_process_to_cancel(federation: Federation) -> None:
    job_id = make_job(federation, ENDLESS)
    ready(federation, job_id, CENTRAL_CSV, CSVS)
    cards_in(federation, job_id)
    gone = federation.sites["hungary"]
    gone.server.kill()
    try:
        poll(lambda: row_of(federation, job_id, gone), lambda row: not row["is_online"], PATIENCE, "the site to be missed")
        time.sleep(AWAY_SECONDS + 3)
        assert job_state(federation, job_id)["state"] == "RUNNING", "longer than a site may be away that owes an answer"
    finally:
        come_back(federation, gone)
    again = gone.wait_for_job(job_id, "is_stated")
    assert (again["next"], again["may"]["upload"]) == ("Nothing: your card has left, and the rows are wiped.", False)
    gone.api.call("POST", f"/api/jobs/{job_id}/cancel")
    job = wait_for(federation, job_id, ("CANCELLED", "FAILED", "FINISHED"))
    assert (job["state"], job["culprit"]) == ("CANCELLED", gone.site_id)


def test_a_site_wipes_its_rows_when_its_card_is_in_and_may_still_cancel_and_central_wipes(federation: Federation) -> None:
    job_id = make_job(federation, ENDLESS)
    ready(federation, job_id, CENTRAL_CSV, CSVS)
    cards_in(federation, job_id)
    site = federation.sites["cleveland"]
    site.ledger_until(job_id, "wipe")
    assert job_state(federation, job_id)["state"] == "RUNNING"
    page = site.api.client.get(f"/jobs/{job_id}", headers={"Accept": "text/html"}).text
    assert "The card has left, the rows are wiped." in page
    site.api.call("POST", f"/api/jobs/{job_id}/cancel")
    job = wait_for(federation, job_id, ("CANCELLED", "FAILED", "FINISHED"))
    assert (job["state"], job["culprit"]) == ("CANCELLED", site.site_id)
    ledger = lambda: federation.runner.call("GET", f"/api/jobs/{job_id}/ledger")  # noqa: E731
    poll(ledger, lambda lines: lines[-1]["kind"] == "wipe", PATIENCE, "central to wipe")


def test_a_site_that_answers_exactly_is_needed_to_the_end(federation: Federation, tmp_path: Path) -> None:
    exact = Site(tmp_path, federation.central, "budapest", "Semmelweis University, Budapest", policy="research")
    try:
        digest = next(pair["digest"] for pair in federation.runner.call("GET", "/api/pairs") if pair["name"] == "SIMICE")
        table = {"name": "Exact", "pair": digest, "participants": [exact.site_id], "spec": ENDLESS}
        job_id = federation.runner.call("POST", "/api/jobs", json=table)["id"]
        federation.runner.call("POST", f"/api/jobs/{job_id}/open")
        alone = dataclasses.replace(federation, sites={"hungary": exact})
        ready(alone, job_id, CENTRAL_CSV, CSVS)
        poll(lambda: job_state(federation, job_id), lambda job: job["progress"]["done"] > 2, PATIENCE, "some sweeps")
        assert not row_of(federation, job_id, exact)["is_stated"]
        exact.server.kill()
        job = wait_for(federation, job_id, ("FAILED", "FINISHED", "CANCELLED"))
        assert (job["state"], job["code"], job["culprit"]) == ("FAILED", "site.lost", exact.site_id)
    finally:
        exact.close()


def test_either_side_can_cancel_a_running_job_and_everybody_wipes(federation: Federation) -> None:
    for canceller in ("central", "site"):
        job_id = make_job(federation, ENDLESS)
        ready(federation, job_id, CENTRAL_CSV, CSVS)
        wait_for(federation, job_id, ("RUNNING",))
        api = federation.runner if canceller == "central" else federation.sites["cleveland"].api
        api.call("POST", f"/api/jobs/{job_id}/cancel")
        assert wait_for(federation, job_id, ("CANCELLED", "FAILED"))["state"] == "CANCELLED"


def test_a_connection_lost_while_an_answer_is_owed_is_resumed_and_nothing_is_stated_twice(federation: Federation) -> None:
    job_id = make_job(federation, SHORT)
    sites_ready(federation, job_id, CENTRAL_CSV, CSVS)
    site = federation.sites["cleveland"]
    with site.server.speechless():
        federation.runner.call("POST", f"/api/jobs/{job_id}/start")
        wait_for(federation, job_id, ("RUNNING",))
        site.server.process.send_signal(signal.SIGSTOP)  # the site falls silent until central drops the link
        try:
            poll(lambda: row_of(federation, job_id, site), lambda row: not row["is_online"], PATIENCE, "the site to be missed")
        finally:
            site.server.process.send_signal(signal.SIGCONT)
    job = wait_for(federation, job_id, ("FINISHED", "FAILED"))
    assert job["state"] == "FINISHED", job
    lines = site.ledger_until(job_id, "wipe")
    rounds = [line["round"] for line in lines if line["kind"] == "release"]
    assert rounds == sorted(set(rounds))
    federation.runner.call("POST", f"/api/jobs/{job_id}/close")


def cards_in(federation: Federation, job_id: str) -> None:
    """Wait until central has the cards of all sites."""
    is_in = lambda job: all(row["is_stated"] for row in job["board"] if row["participant"] != "central")  # noqa: E731
    poll(lambda: job_state(federation, job_id), is_in, PATIENCE, "the cards")


def row_of(federation: Federation, job_id: str, site: Site) -> dict[str, Any]:
    return next(row for row in job_state(federation, job_id)["board"] if row["participant"] == site.site_id)


def come_back(federation: Federation, site: Site) -> None:
    """Start a site's server again and wait for its link."""
    site.server.restart()
    site.server.wait_until_ready(site.api.client, "/")
    site.api.sign_in(password=site.owner_password)
    sites = lambda: federation.runner.call("GET", "/api/sites")  # noqa: E731
    poll(sites, lambda rows: next(r for r in rows if r["site_id"] == site.site_id)["online"], PATIENCE, f"{site.name} to be back")


def test_a_wrong_password_is_refused_and_does_not_tell_whether_the_user_exists(federation: Federation) -> None:
    client = federation.central.api().client
    answers = [client.post("/api/sessions", json={"username": user, "password": "wrong"}) for user in ("admin", "nobody-at-all")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_an_unapproved_user_cannot_sign_in_and_is_told_why(federation: Federation) -> None:
    client = federation.central.api().client
    person = {"username": "newcomer", "password": "long enough a password", "email": "n@example.org", "institution": "Somewhere"}
    assert client.post("/api/accounts", json=person).is_success
    answer = client.post("/api/sessions", json={"username": "newcomer", "password": person["password"]})
    assert answer.status_code == 403
    assert "approv" in answer.text


def test_a_second_process_with_the_same_key_is_refused_while_the_first_is_alive(federation: Federation, tmp_path: Path) -> None:
    site = federation.sites["cleveland"]
    copy = tmp_path / "copy"
    shutil.copytree(site.folder, copy)
    port = free_port()
    second = Server("copy", ["tidegate-site", "serve", "--data", str(copy), "--port", str(port)], tmp_path)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            api = Api(client)
            second.wait_until_ready(client, "/")
            api.sign_in(password=site.owner_password)
            status = poll(lambda: api.call("GET", "/api/status"), lambda s: "refused" in str(s), PATIENCE, "the second link to be refused")
        assert "duplicate" in str(status)
        assert "online" in str(site.api.call("GET", "/api/status"))
    finally:
        second.stop()


def test_init_prints_no_default_password_and_two_centrals_share_no_secret(tmp_path: Path) -> None:
    init = ["tidegate-central", "init", "--host", "localhost", "--admin", "a", "--data"]
    outputs = [run_command(*init, str(tmp_path / name)) for name in "xy"]
    assert outputs[0] != outputs[1]
    secrets = [{p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file() and p.stat().st_mode & 0o077 == 0} for name in "xy"]
    assert secrets[0]
    assert not secrets[0] & secrets[1]


def test_the_harness_itself_reports_errors() -> None:
    with pytest.raises(ServerError):
        poll(lambda: 1, lambda _: False, 0.1, "never")
