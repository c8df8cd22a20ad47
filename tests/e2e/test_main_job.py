"""The main job through the public interfaces of three real servers, and what is left on the disks afterwards."""

from __future__ import annotations

import csv
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

import pytest

from policies.disclosure import ADMISSION_RULES
from tests.demo.story import HEART, SPEC, TARGETS, Federation, job_state, make_job, ready, wait_for
from tests.demo.table import Result, faults
from tests.e2e.servers import PATIENCE, poll

pytestmark = pytest.mark.e2e
SHORT = {
    **SPEC,
    "imputations": 3,
    "iteration_before_first_imputation": 3,
    "iteration_between_imputations": 2,
    "parameters": {**SPEC["parameters"], "chains": 2},
}
# Made anew for each run: what an earlier one left on the disk is not ours.
CANARY_TEXT = f"CANARY{secrets.token_hex(6)}"
CANARY_NUMBER = f"271.{secrets.randbelow(9 * 10**9) + 10**9}"


@pytest.fixture(scope="module")
def finished(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Path]:
    """A job on files with planted values; its state, the result and central's upload."""
    folder = tmp_path_factory.mktemp("planted")
    planted = {name: plant(HEART / f"{name}.csv", folder / f"{name}.csv") for name in ("va_long_beach", *federation.sites)}
    job_id = make_job(federation, SHORT)
    ready(federation, job_id, planted["va_long_beach"], {name: planted[name] for name in federation.sites})
    job = wait_for(federation, job_id, ("FINISHED", "FAILED"))
    assert job["state"] == "FINISHED", job
    archive = folder / "result.zip"
    archive.write_bytes(federation.runner.client.get(f"/api/jobs/{job_id}/result").content)
    return job, archive, planted["va_long_beach"]


def plant(source: Path, target: Path) -> Path:
    """The file with a canary in an ignored text column and one in a numeric target."""
    with source.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    for number, row in enumerate(rows):
        row[0] = f"{CANARY_TEXT}-{number}"
    rows[4][header.index("chol")] = CANARY_NUMBER
    target.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    return target


def files_with(canaries: list[bytes], folders: list[Path], but_not: set[Path]) -> list[str]:
    """Files below the folders that hold one of the byte strings."""
    found = []
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                path = Path(root) / name
                if path in but_not or not path.is_file():
                    continue
                try:
                    data = path.read_bytes()
                except OSError:
                    continue
                found += [str(path) for canary in canaries if canary in data]
    return found


def test_the_result_is_complete_and_observed_cells_are_the_upload_byte_for_byte(finished: tuple[dict[str, Any], Path, Path]) -> None:
    _, archive, upload = finished
    assert faults(Result(archive), upload.read_bytes(), TARGETS, SHORT["imputations"]) == []


def test_no_value_of_any_row_is_in_any_file_a_server_wrote(
    federation: Federation, data_folder: Path, finished: tuple[dict[str, Any], Path, Path]
) -> None:
    job, archive, upload = finished
    planted = {archive, *upload.parent.iterdir()}
    canaries = [CANARY_TEXT.encode(), CANARY_NUMBER.encode()]
    folders = [data_folder, Path(tempfile.gettempdir())]
    assert files_with(canaries, [upload.parent], set()), "the search itself finds the planted files"
    assert files_with(canaries, folders, planted) == []
    federation.runner.call("POST", f"/api/jobs/{job['id']}/close")
    assert files_with(canaries, folders, planted) == []


def test_after_closing_nothing_can_be_downloaded(federation: Federation, finished: tuple[dict[str, Any], Path, Path]) -> None:
    job, _, _ = finished
    if job_state(federation, job["id"])["state"] == "FINISHED":
        federation.runner.call("POST", f"/api/jobs/{job['id']}/close")
    assert job_state(federation, job["id"])["state"] == "CLOSED"
    assert federation.runner.client.get(f"/api/jobs/{job['id']}/result").status_code in (404, 409, 410)


def test_every_site_has_an_unbroken_ledger_with_one_line_per_message(
    federation: Federation, finished: tuple[dict[str, Any], Path, Path]
) -> None:
    job, archive, _ = finished
    released = Result(archive).run["released"]
    for site in federation.sites.values():
        assert site.api.call("GET", "/api/ledger/verdict")["holds"]
        lines = site.ledger_until(job["id"], "wipe")
        assert sum(line["kind"] == "release" for line in lines) == released[site.site_id]["messages"]
    assert federation.runner.call("GET", "/api/ledger/verdict")["holds"]


def test_site_and_central_have_a_receipt_of_the_job_as_page_text_and_data(
    federation: Federation, finished: tuple[dict[str, Any], Path, Path]
) -> None:
    job, archive, _ = finished
    released = Result(archive).run["released"]
    for site in federation.sites.values():
        receipt = site.api.call("GET", f"/api/jobs/{job['id']}/receipt")
        assert receipt["totals"]["messages"] == released[site.site_id]["messages"]
        assert receipt["totals"]["numbers"] == released[site.site_id]["scalars"]
        assert (receipt["totals"]["refusals"], receipt["refused"]) == (0, [])
        assert receipt["set_aside"] == 0, "all rows take part in a card"
        assert receipt["life"]["versions"] == 1
        assert {(rule["rule"], rule["judged"], rule["refusals"]) for rule in receipt["rules"]} == {(rule, 1, 0) for rule in ADMISSION_RULES}
        assert len(receipt["wiped"]) == 1
        text = site.api.client.get(f"/api/jobs/{job['id']}/receipt.txt").text
        page = site.api.client.get(f"/jobs/{job['id']}/receipt")
        assert page.status_code == 200
        assert receipt["dataset"] in text
        assert receipt["dataset"] in page.text
    central = federation.runner.call("GET", f"/api/jobs/{job['id']}/receipt")
    assert central["participant"] == "central"
    assert federation.runner.client.get(f"/jobs/{job['id']}/receipt").status_code == 200


def test_a_rare_value_is_refused_at_the_site_with_a_remedy_and_a_notice_at_central(federation: Federation) -> None:
    columns = {**SPEC["columns"], "restecg": "predictor"}
    job_id = make_job(federation, {**SHORT, "columns": columns})
    federation.runner.upload(job_id, HEART / "va_long_beach.csv")
    notices = job_state(federation, job_id)["report"]["findings"]
    assert {finding["severity"] for finding in notices} == {"notice"}
    assert any("Column 'sex' has so few values" in finding["sentence"] for finding in notices)
    assert not any(" × " in finding["sentence"] for finding in notices), "no site is judged by tables of two columns"
    hungary = federation.sites["hungary"]
    offer = hungary.wait_for_job(job_id, "contract")
    hungary.api.call("POST", f"/api/jobs/{job_id}/approve", json={"digest": offer["digest"]})
    content = (HEART / "hungary.csv").read_bytes()
    answer = hungary.api.client.put(f"/api/jobs/{job_id}/data", content=content, headers={"Content-Type": "text/csv"}).json()
    (finding,) = [finding for finding in (answer.get("report") or answer)["findings"] if finding["severity"] == "stop"]
    assert finding["code"] == "rule.cell_column"
    assert "'restecg'" in finding["sentence"]
    assert "one value occurs on 6 of" in finding["sentence"]
    assert finding["remedy"]
    assert hungary.api.client.post(f"/api/jobs/{job_id}/start").status_code == 409
    board = job_state(federation, job_id)["board"]
    seen = next(row for row in board if row["participant"] == hungary.site_id)
    assert (seen["is_ready"], seen["told"]) == (False, []), "others see one word"
    tells = hungary.api.call("GET", f"/api/jobs/{job_id}")["tells"]
    assert tells == [{"code": "rule.cell_column", "column": finding["column"]}]
    hungary.api.call("POST", f"/api/jobs/{job_id}/tell", json={"findings": tells})
    hears = lambda job: next(row["told"] for row in job["board"] if row["participant"] == hungary.site_id)  # noqa: E731
    (shown,) = hears(poll(lambda: job_state(federation, job_id), hears, PATIENCE, "central to hear it"))
    assert shown["code"] == "rule.cell_column"
    told = shown["sentence"]
    assert "rule cell_column asks for" in told
    assert not any(character.isdigit() for character in told), "the count stays at the site"
    federation.runner.call("POST", f"/api/jobs/{job_id}/cancel")
