"""What code that sees rows may tell of a data set is bounded over all jobs. Real gates, one ledger over several jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from policies import built_in
from sandbox.contract import Column, Contract
from sandbox.errors import Code, TidegateError
from sandbox.job import check_job, job_from_table
from sandbox.ledger import Ledger, entries
from sandbox.manifest import make_pair
from sandbox.overlap import numbers_of_other_jobs
from sandbox.receipt import as_text, read_receipt
from sandbox.rounds.local import LocalParticipant
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import Constants, GateSetup, StepCall, UploadReport
from sandbox.wire.values import floats
from tests.one_chain import answer, asks

MANIFEST = b"""
name = "Sums"
version = "1.0.0"
title = "Sums of a column to a power"
access = "rows"
[capabilities]
targets = "one"
target_types = ["continuous"]
[steps.sums]
request = { target = { type = "column" }, power = { type = "float" } }
reply = { total = { kind = "sum", shape = ["q"] } }
"""
CENTRAL = b"def impute(job, sites):\n    job.keep_imputation()\n"
REMOTE = (
    b"import numpy as np\n\n\ndef sums(rows, target, power):\n    return {'total': np.sum(np.abs(rows.design(target)) ** power, axis=0)}\n"
)
PAIR = make_pair(MANIFEST, CENTRAL, REMOTE)
CONTRACT = Contract((Column("a", "predictor"), Column("b", "predictor"), Column("y", "target", "continuous")))
N_ROWS = 200
POLICY = msgspec.structs.replace(built_in("default"), max_data_sums_per_row=0.02, rows_reply_seconds=0.0)
SPEC = check_job(job_from_table({"seed": 1, "targets": [{"column": "y", "type": "continuous"}]}), PAIR.manifest)


def text() -> bytes:
    random = np.random.default_rng(1)
    cells = random.normal(size=(N_ROWS, 3)).round(4)
    lines = [f"{a},{b},{'NA' if row < 30 else y}" for row, (a, b, y) in enumerate(cells.tolist())]
    return ("a,b,y\n" + "\n".join(lines) + "\n").encode()


class Site:
    """One site over several jobs."""

    def __init__(self, supervisor: Supervisor, ledger: Ledger) -> None:
        self.supervisor, self.ledger = supervisor, ledger

    async def open(self, job: str) -> tuple[LocalParticipant, UploadReport]:
        setup = GateSetup(job, "site", False, POLICY, SPEC, MANIFEST, PAIR.digest, CONTRACT, b"a secret of the site, long")
        participant = await LocalParticipant.open(self.supervisor, setup, self.ledger)

        async def chunks() -> AsyncIterator[bytes]:
            yield text()

        return participant, await participant.upload(chunks())

    async def run(self, participant: LocalParticipant, powers: list[float]) -> None:
        assert await participant.attach(REMOTE, rows_reviewed=True) == ()
        await participant.run_round(0, asks(StepCall("margins")))
        zeros, ones = floats([0.0] * 3), floats([1.0] * 3)
        await participant.begin(Constants(zeros, ones, zeros))
        for number, power in enumerate(powers, 1):
            reply = await participant.run_round(number, asks(StepCall("sums", {"target": 3, "power": power})))
            assert answer(reply).refused is None

    async def whole(self, job: str, powers: list[float]) -> UploadReport:
        participant, report = await self.open(job)
        try:
            if report.is_clean:
                await self.run(participant, powers)
            return report
        finally:
            await participant.wipe()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


async def test_a_data_set_of_which_code_that_sees_rows_told_enough_takes_part_in_no_further_job_of_such_code(path: Path) -> None:
    ledger = Ledger(path)
    supervisor = await Supervisor.start()
    site = Site(supervisor, ledger)
    try:
        meanwhile, clean = await site.open("meanwhile")
        reports = [await site.whole(job, powers) for job, powers in (("first", [1.0]), ("again", [1.0]), ("more", [2.0]), ("late", [3.0]))]
        with pytest.raises(TidegateError) as stopped:
            await meanwhile.attach(REMOTE, rows_reviewed=True)
        await meanwhile.wipe()
    finally:
        await supervisor.close()
        ledger.close()
    assert clean.is_clean
    # Two numbers a job (the intercept's sum is the number of rows), four are allowed; the second job told nothing new.
    assert [report.is_clean for report in reports] == [True, True, True, False]
    assert [(finding.code, dict(finding.details)) for finding in reports[-1].findings] == [
        (Code.RULE_DATA_BUDGET, {"found": 4, "limit": 4})
    ]
    assert stopped.value.code is Code.RULE_DATA_BUDGET
    assert [line["code"] for line in entries(path, "late") if line["kind"] == "stop"] == ["rule.data_budget"]
    receipt = read_receipt(path, "late")
    assert receipt is not None
    assert "rule.data_budget" in as_text(receipt)
    assert receipt.dataset_totals.innovations == 6


def released(job: str, answer: str, innovation: object, **more: object) -> Mapping[str, Any]:
    return {"kind": "release", "job": job, "pair": "p", "contract": "c", "steps": [], "sha256": answer, "innovation": innovation, **more}


def test_numbers_of_other_jobs_count_once_for_one_code_question_and_answer() -> None:
    lines = [released("one", "x", 5), released("two", "x", 5), released("two", "y", 7), {"kind": "release", "job": "blind", "sha256": "z"}]
    assert numbers_of_other_jobs(lines, "three") == 12
    assert numbers_of_other_jobs(lines, "two") == 5
    assert numbers_of_other_jobs([*lines, released("four", "x", 5, pair="other")], "three") == 17
    assert numbers_of_other_jobs([*lines, released("four", "x", 5, steps=[{"step": "other"}])], "three") == 17
    assert numbers_of_other_jobs([*lines, {**released("four", "w", 5), "kind": "refusal"}], "three") == 12
