"""A job without participants, for a pair that asks no site; and a parameter that names a column, over the API."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tests.central.data import synthetic_csv
from tests.central.test_central_jobs import SPEC, Federation, make_federation

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def with_pair(served, admin, make_site, name: str) -> Federation:
    federation = await make_federation(served, admin, make_site, n_sites=1)
    pairs = await federation.runner.call("GET", "/api/pairs")
    federation.digest = next(pair["digest"] for pair in pairs if pair["name"] == name)
    return federation


async def test_a_pair_that_asks_no_site_runs_without_participants(served, admin, make_site) -> None:
    federation = await with_pair(served, admin, make_site, "IMI")
    await federation.draft(participants=[])
    await federation.runner.call("POST", f"{federation.path}/open")
    assert (await federation.upload(synthetic_csv(1)))["is_clean"]
    await federation.runner.call("POST", f"{federation.path}/start")
    await federation.until(lambda job: job["state"] in ("FINISHED", "FAILED"))
    answer = await federation.runner.http.get(f"{federation.path}/result")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert json.loads(archive.read("run.json"))["participants"] == ["central"]
    assert b"NA" not in archive.read("imputed_001.csv")
    await federation.runner.call("POST", f"{federation.path}/close")
    await federation.runner.http.aclose()


async def test_other_pairs_need_a_participant(served, admin, make_site) -> None:
    federation = await with_pair(served, admin, make_site, "AVGMMI")
    body = {"name": "Test", "pair": federation.digest, "participants": [], "spec": SPEC}
    answer = await federation.runner.call("POST", "/api/jobs", 422, json=body)
    assert answer["code"] == "job.participants"
    await federation.runner.http.aclose()


async def test_an_exclusion_column_must_be_named_and_must_be_a_predictor(served, admin, make_site) -> None:
    federation = await with_pair(served, admin, make_site, "HDMI")
    participants = [site.site_id for site in federation.sites]
    body = {"name": "Test", "pair": federation.digest, "participants": participants, "spec": SPEC}
    answer = await federation.runner.call("POST", "/api/jobs", 422, json=body)
    assert answer["code"] == "job.parameters"
    assert "exclusion" in answer["sentence"]
    for column, is_clean in (("nowhere", False), ("y", False), ("x2", True)):
        await federation.draft(spec={**SPEC, "parameters": {"exclusion": column}})
        await federation.runner.call("POST", f"{federation.path}/open")
        report = await federation.upload(synthetic_csv(1))
        assert report["is_clean"] is is_clean
        if not is_clean:
            assert [finding["code"] for finding in report["findings"]] == ["job.parameters"]
            assert "exclusion" in report["findings"][0]["sentence"]
        await federation.runner.call("POST", f"{federation.path}/cancel")
    await federation.runner.http.aclose()
