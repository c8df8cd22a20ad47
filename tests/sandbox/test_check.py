"""What an author learns before anybody else: on a machine that can lock a worker in, and on one that cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from policies import built_in
from sandbox.check import check_pair
from sandbox.errors import Code, IsolationError, PeerError
from sandbox.manifest import Pair, load_pair, make_pair
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Supervisor

POLICY = built_in("default")
ALGORITHMS = Path(__file__).parents[2] / "algorithms"


def pair(remote: str = REMOTE) -> Pair:
    return make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), remote.encode())


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.supervisor.PLATFORM", "darwin")


@pytest.mark.usefixtures("elsewhere")
async def test_nothing_runs_on_a_system_without_lockdown() -> None:
    with pytest.raises(IsolationError, match="Linux only"):
        await Supervisor.start()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", ["SIMI", "SIMICE"])
async def test_an_author_there_gets_manifest_and_source_rules_and_is_told_what_is_missing(name: str) -> None:
    report = await check_pair(load_pair(ALGORITHMS / name), POLICY)
    assert report.passed
    assert report.unchecked.startswith("the trial run")
    assert "passes as far as it can be checked here" in report.as_text()


@pytest.mark.usefixtures("elsewhere")
async def test_the_findings_there_are_those_of_a_locked_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = pair("import os\n" + REMOTE.replace("def moments(rows, target)", "def moments(rows)"))
    elsewhere = await check_pair(bad, POLICY)
    monkeypatch.undo()
    here = await check_pair(bad, POLICY)
    assert elsewhere.findings == here.findings != ()
    assert not elsewhere.passed
    assert here.unchecked == ""


@pytest.mark.usefixtures("elsewhere")
async def test_a_checker_that_ends_before_it_has_read_the_pair_is_told_by_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PeerError) as caught:
        await check_pair(pair(), POLICY)
    assert (caught.value.code, caught.value.details) == (Code.WORKER_DIED, {"reason": "exit 1"})


@pytest.mark.usefixtures("elsewhere")
async def test_no_line_of_the_pair_is_run_there(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    report = await check_pair(pair(f"open({str(canary)!r}, 'w')\n" + REMOTE), POLICY)
    assert not report.passed
    assert not canary.exists()


async def test_a_scaffold_passes_here_with_its_trial_run() -> None:
    report = await check_pair(pair(), POLICY)
    assert (report.passed, report.unchecked, report.trial) == (True, "", "")
