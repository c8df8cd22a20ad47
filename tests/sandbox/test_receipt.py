"""The receipt of a job: what the ledger says, on one page a data protection officer can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.ledger import Ledger
from sandbox.pages.receipt import as_html
from sandbox.receipt import as_text, make_receipt, read_receipt

HEART = Path(__file__).parents[1] / "data" / "heart"
JOB = {
    "imputations": 2,
    "iteration_before_first_imputation": 2,
    "iteration_between_imputations": 1,
    "seed": 3,
    "targets": [{"column": "chol", "type": "continuous"}, {"column": "exang", "type": "binary"}],
    "columns": {
        **dict.fromkeys(("patient", "cp", "restecg", "fbs", "trestbps", "thalach", "oldpeak"), "ignored"),
        **dict.fromkeys(("age", "sex", "disease"), "predictor"),
    },
}


@pytest.fixture
async def run(simulate, tmp_path: Path):
    result = await simulate("SIMICE", JOB, HEART / "va_long_beach.csv", (HEART / "cleveland.csv", HEART / "hungary.csv"))
    return result, tmp_path / "out" / "ledger.jsonl"


async def test_a_receipt_says_what_left_under_which_rules_and_code_and_what_was_wiped(run) -> None:
    result, ledger = run
    for site in ("cleveland", "hungary"):
        receipt = read_receipt(ledger, "simulation", site)
        assert receipt is not None
        assert receipt.totals.messages == result["released"][site]["messages"]
        assert receipt.totals.numbers == result["released"][site]["scalars"]
        assert 0 < receipt.totals.new_numbers < receipt.totals.numbers
        assert receipt.algorithm == "SIMICE 1.0.0"
        assert (receipt.pair, receipt.policy) == (result["pair"]["digest"], "default")
        assert receipt.refused == ()
        assert {sent.kind for sent in receipt.sent} == {"margins", "card", "fit"}
        told = {
            field: sum(line["numbers"] for line in result["cards"][site] if line["what"].startswith("fit") == (field == "fit"))
            for field in ("card", "fit")
        }
        assert receipt.card == f"{told['card']} numbers about all rows, {told['fit']} of own fits"
        assert receipt.totals.new_numbers == sum(told.values())
        assert receipt.life is not None
        assert (receipt.life.versions, receipt.life.own_fits, receipt.life.points, receipt.life.releases) == (1, 1, 0, ())
        assert all(rule.refusals == rule.notices == 0 for rule in receipt.rules)
        assert len(receipt.wiped) == 1
        assert "overwritten with zeros" in receipt.wiped[0]
    hungary = read_receipt(ledger, "simulation", "hungary")
    assert (hungary.rows, hungary.set_aside) == (294, 0)


async def test_a_receipt_of_a_job_of_several_chains_counts_all_of_them(simulate, tmp_path: Path) -> None:
    job = {**JOB, "parameters": {"chains": 2}}
    result = await simulate("SIMICE", job, HEART / "va_long_beach.csv", (HEART / "cleveland.csv",))
    receipt = read_receipt(tmp_path / "out" / "ledger.jsonl", "simulation", "central")
    assert receipt is not None
    assert receipt.totals.numbers == result["released"]["central"]["scalars"]
    moments = next(sent for sent in receipt.sent if sent.step == "moments")
    assert (moments.messages, moments.scalars) == (2, 2 * 2 * 32)
    assert "2 chains side by side" in as_text(receipt)
    assert "2 chains side by side" in as_html(receipt)


def test_refusals_are_counted_chain_by_chain_and_those_of_older_lines_too() -> None:
    about = {"job": "j", "participant": "s", "rules": {}, "steps": [], "fields": [], "bytes": 1}
    lines = [
        {**about, "kind": "refusal", "code": "rule.eta"},
        {**about, "kind": "refusal", "refused": [{"chain": 1, "code": "rule.eta"}, {"chain": 2, "code": "rule.eta"}]},
        {**about, "kind": "release", "refused": [{"chain": 2, "code": "rule.draw_bounds"}]},
        {**about, "kind": "release"},
    ]
    receipt = make_receipt(lines, lines)
    assert receipt is not None
    assert receipt.totals.refusals == 4
    assert receipt.totals.messages == 4
    assert {line.code: line.count for line in receipt.refused} == {"rule.eta": 3, "rule.draw_bounds": 1}


async def test_a_receipt_is_one_page_as_text_and_as_html_and_the_command_prints_both(run) -> None:
    _, ledger = run
    receipt = read_receipt(ledger, "simulation", "cleveland")
    text, html = as_text(receipt), as_html(receipt)
    assert len(text.splitlines()) <= 60
    for said in (receipt.pair, receipt.dataset, "WHAT WAS REFUSED", str(receipt.totals.numbers)):
        assert said in text
    assert receipt.pair in html
    assert "<script" not in html
    arguments = ["ledger", "receipt", str(ledger), "simulation", "--participant", "cleveland"]
    assert CliRunner().invoke(app, arguments).output == text + "\n"
    assert CliRunner().invoke(app, [*arguments, "--html"]).output == html + "\n"
    assert CliRunner().invoke(app, ["ledger", "receipt", str(ledger), "nothing"]).exit_code == 1


def test_the_budget_of_a_data_set_counts_over_jobs_and_refusals_are_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    field = {"name": "moments", "kind": "gram", "scalars": 10, "new": 4}
    for job, dataset in (("one", "d"), ("two", "d"), ("two", "e"), ("three", "d")):
        line = {"kind": "release", "job": job, "participant": "site", "dataset": dataset, "fields": [field], "steps": [], "bytes": 80}
        ledger.append(json.dumps(line).encode())
    refusal = {"kind": "refusal", "job": "three", "participant": "site", "dataset": "d", "code": "rule.eta", "rules": {"eta": "refuse"}}
    ledger.append(json.dumps(refusal).encode())
    ledger.close()
    receipt = read_receipt(tmp_path / "ledger.jsonl", "three")
    assert (receipt.totals.jobs, receipt.totals.numbers, receipt.totals.refusals) == (1, 10, 1)
    assert (receipt.dataset_totals.jobs, receipt.dataset_totals.numbers, receipt.dataset_totals.new_numbers) == (3, 30, 12)
    assert [(line.code, line.count) for line in receipt.refused] == [("rule.eta", 1)]
    assert "1 × rule.eta" in as_text(receipt)
    assert read_receipt(tmp_path / "ledger.jsonl", "four") is None


def test_a_name_from_a_ledger_stays_text_in_the_page(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(json.dumps({"kind": "release", "job": "j", "participant": "<script>alert(1)</script>"}).encode())
    ledger.close()
    assert "<script>" not in as_html(read_receipt(tmp_path / "ledger.jsonl", "j"))


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (None, "no code was started"),
        ({}, "never saw a row"),
        ({"sees_rows": "reviewed"}, "let exactly these bytes"),
        ({"sees_rows": "unreviewed"}, "nobody reviewed"),
    ],
)
def test_a_receipt_says_whether_code_saw_rows(start: dict[str, str] | None, says: str) -> None:
    lines = [{"job": "j", "participant": "p", "kind": "upload", "time": "t"}]
    if start is not None:
        lines.append({"job": "j", "participant": "p", "kind": "start", "time": "t", **start})
    receipt = make_receipt(lines, [])
    assert receipt is not None
    assert says in receipt.access
    assert says in as_text(receipt)
