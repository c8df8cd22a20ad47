"""A site is told when code that sees rows has answered an earlier job about other rows of its file. Real gates, one ledger, two jobs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from policies import built_in
from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.job import check_job, job_from_table
from sandbox.ledger import Ledger
from sandbox.manifest import load_pair
from sandbox.rounds.local import LocalParticipant
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import GateSetup, StepCall, UploadReport
from tests.one_chain import asks

PAIR = load_pair(Path(__file__).parents[2] / "pairs" / "good" / "PlainSIMI")
CSV = "age,dose,y\n" + "".join(f"{40 + row % 37},{'NA' if row == 7 else row % 11},{row % 23}\n" for row in range(200))


async def upload(supervisor: Supervisor, ledger: Ledger, job: str, dose: str, *, answer: bool) -> UploadReport:
    contract = Contract((Column("age", "predictor"), Column("dose", dose), Column("y", "target", "continuous")))  # type: ignore[arg-type]
    spec = check_job(job_from_table({"seed": 1, "targets": [{"column": "y", "type": "continuous"}]}), PAIR.manifest)
    setup = GateSetup(
        job, "site", False, built_in("default"), spec, PAIR.manifest_bytes, PAIR.digest, contract, b"a secret of the site, long"
    )
    participant = await LocalParticipant.open(supervisor, setup, ledger)

    async def chunks() -> AsyncIterator[bytes]:
        yield CSV.encode()

    try:
        report = await participant.upload(chunks())
        if answer:
            await participant.run_round(0, asks(StepCall("margins")))
        return report
    finally:
        await participant.wipe()


@pytest.mark.parametrize("answer", [True, False])
async def test_a_file_that_answered_about_other_rows_is_noticed_and_start_stays_possible(tmp_path: Path, answer: bool) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    supervisor = await Supervisor.start()
    try:
        first = await upload(supervisor, ledger, "first", "predictor", answer=answer)
        again = await upload(supervisor, ledger, "again", "predictor", answer=False)
        other = await upload(supervisor, ledger, "other", "ignored", answer=False)
    finally:
        await supervisor.close()
        ledger.close()
    assert first.findings == again.findings == ()
    told = [(finding.code, finding.severity, finding.details["job"]) for finding in other.findings]
    assert told == ([(Code.RULE_OTHER_ROWS, "notice", "first")] if answer else [])
    assert other.is_clean
    assert all(
        b"NA" not in line and "40," not in json.dumps(line.decode()) for line in (tmp_path / "ledger.jsonl").read_bytes().splitlines()
    )
