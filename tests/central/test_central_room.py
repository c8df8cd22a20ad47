"""The ready room decides by itself: when a run begins, whom it hears, and what is kept of it. Custody ends what goes on."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from central.jobs.custody import Custody
from central.jobs.model import Job
from central.jobs.room import Room
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
    flags = {"approved_digest": simice().digest, "is_uploaded": True, "is_clean": True, "is_started": True, **changes}
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
