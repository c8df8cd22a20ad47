"""The ready room decides by itself: when a run begins, whom it hears, and what is kept of it. Custody ends what goes on."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from central.jobs.custody import Custody
from central.jobs.model import Job
from central.jobs.room import Room
from central.jobs.views import JobView
from central.web.pages import make_pages
from sandbox.errors import Code, InputError
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.link import JobState, SiteStatus
from sandbox.wire.messages import UploadReport
from tests.remote.offers import CONTRACT, simice


class Gate:
    """A gate that takes a few turns of the event loop to wipe."""

    def __init__(self) -> None:
        self.is_wiped = False

    async def wipe(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.is_wiped = True


def is_online(_: str) -> bool:
    return True


def room_of(*participants: str, gate: Gate | None = None, state: JobState = JobState.WAITING) -> Room:
    job = Job(id="j1", name="Test", state=state, participants=list(participants), spec={}, pair_digest=simice().digest)
    room = Room(job, simice(), {})
    room.gate_opened(cast(LocalParticipant, gate or Gate()))
    return room


def central_starts(room: Room) -> None:
    assert room.central is not None
    room.central.uploaded(UploadReport(contract=CONTRACT))
    room.central.started()


def ready(**changes: Any) -> SiteStatus:
    flags = {"approved_digest": simice().digest, "is_ready": True, "is_started": True, **changes}
    return SiteStatus("j1", contract_digest=CONTRACT.digest, **flags)


def test_a_run_begins_once_when_everybody_has_pressed_start() -> None:
    room = room_of("a", "b")
    central_starts(room)
    assert room.site_said("a", ready())
    assert not room.begins(is_online)
    assert room.site_said("b", ready())
    assert not room.begins(lambda site: site == "a")
    assert room.begins(is_online)
    assert not room.begins(is_online)
    with pytest.raises(InputError) as refused:
        room.check_waiting()
    assert refused.value.code is Code.JOB_STATE
    room.run_failed()
    room.check_waiting()


def test_a_site_that_restarted_has_not_pressed_start() -> None:
    room = room_of("a")
    central_starts(room)
    room.site_said("a", ready())
    room.site_restarted("a")
    assert not room.begins(is_online)


def test_another_file_of_central_takes_its_start_back() -> None:
    room = room_of()
    central_starts(room)
    assert room.central is not None
    room.central.upload_begins()
    assert not room.begins(is_online)


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.WAITING])
def test_a_job_that_does_not_wait_hears_no_status_and_begins_no_run(state: JobState) -> None:
    room = room_of("a", state=state)
    central_starts(room)
    assert not room.site_said("a", ready())
    assert room.statuses == {}
    assert not room.begins(is_online)


async def test_central_stops_when_its_wipes_are_done_and_its_other_work_is_cancelled() -> None:
    custody, gate = Custody(cast(Any, None), cast(Any, None), cast(Any, None), b""), Gate()
    caller = asyncio.create_task(custody.drop(room_of(gate=gate)))
    for_ever = custody.spawn(cast(Any, asyncio.Event().wait()))
    await asyncio.sleep(0)
    caller.cancel()
    await custody.stop()
    assert gate.is_wiped
    assert for_ever.cancelled()


async def test_no_wipe_is_skipped_because_whoever_asked_for_it_went_away() -> None:
    custody, gate = Custody(cast(Any, None), cast(Any, None), cast(Any, None), b""), Gate()
    room, is_unwound = room_of(gate=gate), asyncio.Event()

    async def run_that_takes_its_time_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await is_unwound.wait()

    custody.run(room, run_that_takes_its_time_to_end())
    await asyncio.sleep(0)
    asking = asyncio.create_task(custody.clear(room))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not gate.is_wiped
    is_unwound.set()
    await custody.stop()
    assert gate.is_wiped


def running_room(*stated: str) -> Room:
    room = room_of("a", "b", state=JobState.RUNNING)
    room.job.spec, room.job.culprit = {"targets": [], "parameters": {}}, ""
    room.institutions.update(a="Hospital A", b="Hospital B")
    room.cards_in(stated)
    return room


def test_the_board_says_whose_card_is_in() -> None:
    room = running_room("a")
    assert {row.participant: row.is_stated for row in room.board(is_online)} == {"central": False, "a": True, "b": False}
    room.cards_in(["b"])
    assert all(row.is_stated for row in room.update(is_online).board[1:])


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ((), ""),
        (("a", "b"), "The cards of all sites are in. The sites may go offline: the job goes on. A cancel by any site still ends it."),
        (("a",), "Cards are in from: a. These sites may go offline: the job goes on. A cancel by any site still ends it. Still needed"),
    ],
)
def test_the_page_of_a_running_job_says_which_sites_may_go_offline(stated: tuple[str, ...], says: str) -> None:
    room = running_room(*stated)
    room.job.created_at = room.job.started_at = datetime(2026, 1, 1, tzinfo=UTC)
    view = JobView.build(room.job, room, lambda site: site != "a")
    template = make_pages()._templates.env.get_template("job_live.html")
    text = " ".join(re.sub(r"<[^>]+>", " ", template.render(job=view)).split())
    assert says in text
    assert ("may go offline" in text) == bool(stated)
    assert ("offline, not needed" in text) == ("a" in stated)
    assert text.count("card is in") == len(stated)
