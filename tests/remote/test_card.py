"""What leaves a site is shown to its owner before Start: the card as a table, all of its numbers on request, and when it has left."""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from remote.runs.card_numbers import CardNumbers, CardNumbersView, sections
from remote.runs.phase import Phase
from remote.runs.run import Run
from remote.runs.service import Runs
from remote.runs.view import RunView
from sandbox.contract import Finding
from sandbox.errors import Code, InputError, PeerError
from sandbox.wire.link import BoardRow, BoardUpdate, JobState
from sandbox.wire.messages import UploadReport
from tests.remote.cards import BINARY, FakeGate, contract_of, fields_of, offer_of, report_of, with_life
from tests.remote.offers import offer

CONTRACT = contract_of()
TOTAL = 1 + 4 + 4 + 12 + 8


@pytest.fixture
def runs(app: FastAPI) -> Runs:
    return next(part for part in app.state.parts if isinstance(part, Runs))


@pytest.fixture
def site(enrolled: httpx.AsyncClient) -> httpx.AsyncClient:
    return enrolled


async def uploaded(runs: Runs, report: UploadReport | None = None, gate: FakeGate | None = None, n_columns: int = 4) -> Run:
    """A run whose clean upload is in a gate that has made a card."""
    contract = contract_of(n_columns)
    asked = offer_of(contract, board=(BoardRow("central", is_online=True), BoardRow("site-a", "Hospital A", True)))
    runs.on_message(asked)
    run = await runs.approve("j1", asked.digest, "olga")
    run.uploaded(report or report_of(contract))
    runs._custody.hold(run, cast(Any, gate or FakeGate(fields_of(contract))))
    return run


def runs_on(run: Run, *, is_stated: bool) -> None:
    """The job runs, and central says whose card is in."""
    run.phase = Phase.RUNNING
    rows = (BoardRow("central", is_online=True), BoardRow("site-a", "Hospital A", False, is_started=True, is_stated=is_stated))
    run.update(BoardUpdate("j1", JobState.RUNNING, rows, "moments", 1, 4))


def text_of(page: str) -> str:
    """What a person reads of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# --- the table


async def test_the_owner_reads_before_start_what_leaves(site: httpx.AsyncClient, runs: Runs) -> None:
    await uploaded(runs)
    card = (await site.get("/api/jobs/j1")).json()["report"]["card"]
    assert card["total"] == TOTAL
    assert card["sentence"] == f"These {TOTAL} numbers are all that leaves in this job."
    fit = next(line for line in card["lines"] if line["what"] == "fit.beta")
    assert (fit["column"], fit["shape"], fit["numbers"], fit["error"]) == ("stroke", [4], 4, 1.0)
    assert (card["life"]["left"], card["life"]["version"]) == (1_788, 2)
    page = (await site.get("/jobs/j1")).text
    text = text_of(page)
    for said in (
        card["sentence"],
        "The life of this file: 1,788 numbers are left after this card.",
        "Own fit of stroke: coefficients",
        "about what one typical row adds",
        "This site then sends the card above to central, and no row.",
    ):
        assert said in text
    assert text.index("What leaves this site") < text.index("The pair is locked into a worker.")
    assert 'href="/jobs/j1/card"' in page
    assert "What leaves this site" in (await site.get("/jobs/j1/live")).text


async def test_where_points_are_due_or_answers_exact_the_page_does_not_say_that_this_is_all(site: httpx.AsyncClient, runs: Runs) -> None:
    run = await uploaded(runs, report_of(CONTRACT, with_life(n_points=8)))
    text = text_of((await site.get("/jobs/j1")).text)
    assert f"These {TOTAL} numbers, and at most 8 more, leave in this job." in text
    assert "The 8 more are answers at common points" in text
    run.report = report_of(CONTRACT, with_life(n_points=None), error=0.0)
    text = text_of((await site.get("/jobs/j1")).text)
    assert "lets central ask more, and answers exactly" in text
    assert "all that leaves" not in text
    assert "The errors are drawn once" not in text


async def test_an_upload_without_a_card_shows_none(site: httpx.AsyncClient, runs: Runs) -> None:
    await uploaded(runs, UploadReport(contract=CONTRACT, n_rows=640))
    job = (await site.get("/api/jobs/j1")).json()
    assert job["report"]["card"] is None
    assert not job["may"]["show_card"]
    assert "What leaves this site" not in (await site.get("/jobs/j1")).text
    answer = await site.get("/api/jobs/j1/card")
    assert (answer.status_code, answer.json()["code"]) == (409, "site.no_card")


# --- the numbers


async def test_the_owner_gets_every_number_as_it_leaves(site: httpx.AsyncClient, runs: Runs) -> None:
    await uploaded(runs)
    answer = (await site.get("/api/jobs/j1/card")).json()
    assert answer["columns"] == ["age", "sex", "stroke", "chol"]
    shown = answer["fields"]
    assert shown["card"]["n"] == 640
    assert shown["card"]["n_observed"] == [640.0, 639.0, 638.0, 637.0]
    assert shown["card"]["levels"] == [[0, 0], [1, 2], [0, 1], [0, 0]]
    assert shown["card"]["gram"][4][1] == shown["card"]["gram"][1][4] == 5.02
    assert shown[f"fit.{BINARY}"]["information"][0] == 1234567.5
    assert sum(len(fields) for fields in shown.values()) == 8


async def test_a_page_shows_each_number_of_a_gram_once_under_the_names_of_its_columns(site: httpx.AsyncClient, runs: Runs) -> None:
    await uploaded(runs)
    page = (await site.get("/jobs/j1/card")).text
    # Rows 1 to 5, columns up to the row's own.
    for row in range(1, 6):
        for column in range(1, 6):
            assert len(re.findall(rf">{row}\.0{column}<", page)) == (column <= row)
    text = text_of(page)
    for said in ("Own fit of stroke", "age sex stroke chol intercept", "A logistic regression of stroke on the other columns"):
        assert said in text
    gram = next(section for section in sections(CardNumbers(CONTRACT, fields_of(CONTRACT))) if section.title == "Joint sums of all columns")
    assert gram.table.is_wide
    assert gram.table.rows[1] == ("sex", ("2.01", "2.02", "", "", ""))


def test_an_own_fit_is_shown_in_the_order_of_its_design() -> None:
    fit = next(section for section in sections(CardNumbers(CONTRACT, fields_of(CONTRACT))) if section.title == "Own fit of stroke")
    assert [name for name, _ in fit.table.rows] == ["age", "sex", "chol", "intercept"]
    assert fit.table.rows[1] == ("sex", ("0.125", "1,234,568"))


def test_only_columns_of_two_values_tell_their_values() -> None:
    levels = next(found for found in sections(CardNumbers(CONTRACT, fields_of(CONTRACT))) if found.title == "Values of two-valued columns")
    assert levels.table.rows == (("sex", ("1", "2")), ("stroke", ("0", "1")))


def test_an_array_becomes_lists_as_deep_as_its_shape() -> None:
    view = CardNumbersView.of(CardNumbers(CONTRACT, fields_of(CONTRACT)))
    assert view.fields["card"]["is_exact"] == 0
    assert [len(cast(list[Any], row)) for row in cast(list[Any], view.fields["card"]["gram"])] == [5] * 5


# --- when it may be shown


@pytest.mark.parametrize(
    ("phase", "is_busy", "code"),
    [
        (Phase.OFFERED, False, Code.SITE_NO_UPLOAD),
        (Phase.READY, False, None),
        (Phase.STARTED, False, None),
        (Phase.READY, True, Code.JOB_STATE),
        (Phase.RUNNING, False, Code.JOB_STATE),
        (Phase.ENDED, False, Code.JOB_STATE),
    ],
)
async def test_the_numbers_are_shown_while_nothing_else_goes_on(
    site: httpx.AsyncClient, runs: Runs, phase: Phase, is_busy: bool, code: Code | None
) -> None:
    gate = FakeGate(fields_of(CONTRACT))
    run = await uploaded(runs, gate=gate)
    run.phase, run.is_busy = phase, is_busy
    may = RunView.build(run).may.show_card
    answer, page = await site.get("/api/jobs/j1/card"), await site.get("/jobs/j1/card", headers={"Accept": "text/html"})
    run.is_busy = False
    assert may == (code is None)
    assert gate.n_asked == (2 if code is None else 0)
    if code is None:
        assert (answer.status_code, page.status_code) == (200, 200)
    else:
        assert (answer.status_code, answer.json()["code"], page.status_code) == (409, code.value, 409)
        assert answer.json()["remedy"] in page.text


async def test_nobody_but_the_owner_sees_the_numbers(site: httpx.AsyncClient, runs: Runs) -> None:
    gate = FakeGate(fields_of(CONTRACT))
    await uploaded(runs, gate=gate)
    del site.headers["Authorization"]
    assert (await site.get("/api/jobs/j1/card")).status_code == 401
    assert (await site.get("/jobs/j1/card")).status_code == 303
    assert gate.n_asked == 0


async def test_a_gate_that_cannot_show_is_an_answer_and_no_bug(site: httpx.AsyncClient, runs: Runs) -> None:
    await uploaded(runs, gate=FakeGate({}, PeerError(Code.GATE_DIED, reason="SIGKILL")))
    answer = await site.get("/api/jobs/j1/card")
    assert (answer.status_code, answer.json()["code"]) == (502, "gate.died")


class SlowGate(FakeGate):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__(fields_of(CONTRACT))
        self.is_asked, self.answers = asyncio.Event(), asyncio.Event()
        self.is_read = False

    async def show_card(self) -> Any:
        self.is_asked.set()
        await self.answers.wait()
        self.is_read = True
        return await super().show_card()


async def test_an_answer_is_read_to_its_end_although_the_reader_went_away(site: httpx.AsyncClient, runs: Runs) -> None:
    gate = SlowGate()
    await uploaded(runs, gate=gate)
    reader = asyncio.create_task(runs.show_card("j1"))
    await gate.is_asked.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    gate.answers.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert gate.is_read


async def test_a_job_that_ends_meanwhile_ends_the_question_before_the_wipe(site: httpx.AsyncClient, runs: Runs) -> None:
    gate = SlowGate()
    await uploaded(runs, gate=gate)
    reader = asyncio.create_task(runs.show_card("j1"))
    await gate.is_asked.wait()
    await runs.cancel("j1")
    with pytest.raises(InputError) as refused:
        async with asyncio.timeout(60):
            await reader
    assert refused.value.code is Code.JOB_STATE
    assert (gate.is_read, gate.is_wiped) == (False, True)


# --- a life that has no room for it


async def test_the_owner_reads_what_a_release_means_and_lets_one_more_card_pass_from_the_page(site: httpx.AsyncClient, runs: Runs) -> None:
    stop = Finding(Code.RULE_LIFE_CHANGE, column=1, details={"found": 3, "limit": 20, "column": "age"})
    run = await uploaded(runs, UploadReport(contract=CONTRACT, n_rows=640, findings=(stop,), stopped_life="5f" * 16))
    page = (await site.get("/jobs/j1")).text
    assert "About 3 rows differ from an earlier version" in page
    assert 'data-api="POST /api/jobs/j1/release"' in page
    assert "One more card of this file may leave" in text_of(page)
    nothing = await site.post("/api/jobs/j1/release", json={"reason": ""})
    assert (nothing.status_code, run.is_released) == (422, False)
    job = (await site.post("/api/jobs/j1/release", json={"reason": "a corrected cohort"})).json()
    assert (job["is_released"], job["may"]["release"]) == (True, False)
    assert (await site.post("/api/jobs/j1/release", json={"reason": "again"})).status_code == 409
    (line,) = (await site.get("/api/jobs/j1/ledger")).json()
    assert (line["kind"], line["life"], line["by"], line["reason"]) == ("life_release", "5f" * 16, "olga", "a corrected cohort")
    page = (await site.get("/jobs/j1")).text
    assert "/release" not in page
    assert "Upload the same file again" in page
    assert "let one more card of this file leave: a corrected cohort" in text_of((await site.get("/jobs/j1/ledger")).text)


async def test_of_a_stop_that_nobody_may_lift_the_page_offers_no_release(site: httpx.AsyncClient, runs: Runs) -> None:
    stop = Finding(Code.RULE_LIFE_ERROR, details={"found": 0.0, "found_fits": 10, "limit": 1.0, "limit_fits": 10})
    await uploaded(runs, UploadReport(contract=CONTRACT, n_rows=640, findings=(stop,)))
    assert "/release" not in (await site.get("/jobs/j1")).text
    assert (await site.post("/api/jobs/j1/release", json={"reason": "please"})).status_code == 409


async def test_whoever_has_not_signed_in_releases_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/jobs/j1/release", json={"reason": "please"})).status_code == 401


# --- when it has left


async def test_when_the_card_has_left_the_page_says_that_cancel_still_works(site: httpx.AsyncClient, runs: Runs) -> None:
    run = await uploaded(runs)
    runs_on(run, is_stated=False)
    assert "The card has left" not in (await site.get("/jobs/j1")).text
    runs_on(run, is_stated=True)
    job = (await site.get("/api/jobs/j1")).json()
    assert (job["is_stated"], job["next"]) == (True, "Nothing: your card has left, and the rows are wiped.")
    assert job["may"]["cancel"]
    text = text_of((await site.get("/jobs/j1")).text)
    assert "The card has left, the rows are wiped. Central finishes without this site. Cancel still ends the job." in text
    assert "✓ card is in" in text
    assert "What left this site" in text
    assert f"These {TOTAL} numbers are all that has left in this job." in text
    assert "all that leaves" not in text


async def test_a_process_that_was_started_anew_says_that_the_card_has_left_and_asks_for_no_upload(
    site: httpx.AsyncClient, runs: Runs
) -> None:
    board = (BoardRow("central", is_online=True), BoardRow("site-a", "Hospital A", is_started=True, is_stated=True))
    runs.on_message(offer_of(CONTRACT, state=JobState.RUNNING, board=board))
    job = (await site.get("/api/jobs/j1")).json()
    assert (job["is_stated"], job["next"]) == (True, "Nothing: your card has left, and the rows are wiped.")
    assert (job["may"]["upload"], job["may"]["cancel"]) == (False, True)
    assert "Cancel still ends the job." in text_of((await site.get("/jobs/j1")).text)


async def test_of_a_site_whose_card_is_in_the_board_says_that_it_is_not_needed(site: httpx.AsyncClient, runs: Runs) -> None:
    run = await uploaded(runs)
    runs_on(run, is_stated=True)
    row = re.search(r"Hospital A.*?</tr>", (await site.get("/jobs/j1")).text, re.DOTALL)
    assert row is not None
    assert "not needed" in row.group()


async def test_a_board_that_says_the_card_of_another_site_is_in_says_nothing_of_this_one(runs: Runs, site: httpx.AsyncClient) -> None:
    run = await uploaded(runs)
    runs_on(run, is_stated=False)
    run.board += (BoardRow("site-b", is_stated=True),)
    assert not run.is_stated


async def test_names_of_columns_stay_text_in_the_page_of_the_numbers(site: httpx.AsyncClient, runs: Runs) -> None:
    run = await uploaded(runs)
    columns = list(CONTRACT.columns)
    columns[0] = type(columns[0])("<b>age</b>", "predictor")
    run.offer = offer(contract=type(CONTRACT)(tuple(columns)))
    page = (await site.get("/jobs/j1/card")).text
    assert "&lt;b&gt;age&lt;/b&gt;" in page
    assert "<b>age" not in page


@pytest.mark.parametrize(("points", "says"), [("common", "central answers them from the card"), ("exact", "each asks its own questions")])
async def test_chains_ask_a_site_only_where_its_policy_answers_any_question(
    site: httpx.AsyncClient, runs: Runs, points: Any, says: str
) -> None:
    run = await uploaded(runs)
    run.offer = offer_of(CONTRACT, spec=msgspec.structs.replace(run.offer.spec, parameters={"chains": 2}))
    runs.policy = msgspec.structs.replace(runs.policy, points=points)
    assert says in text_of((await site.get("/jobs/j1")).text)
