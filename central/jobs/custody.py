"""Keeps what goes on for the rooms: central's gates, the runs, the timers. It starts and stops them; what happened, the room remembers.

A request may be cancelled, a job may end in the middle of an upload: no wipe is skipped because its caller went away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from central.jobs.room import CentralSide, Room
from policies import Policy
from sandbox.errors import TidegateError
from sandbox.host.isolation import Isolator
from sandbox.ledger import Ledger
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.participant import CENTRAL
from sandbox.wire.messages import GateSetup


@dataclass(slots=True)
class Held:
    """What goes on for one room."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while something is asked of central's gate before the run."""
    watch: asyncio.Task[None] | None = None
    work: asyncio.Task[None] | None = None
    """The run."""
    expiry: asyncio.TimerHandle | None = None


class Custody:
    """Opens and wipes central's gates, and holds the tasks and timers of the rooms."""

    def __init__(self, isolator: Isolator, ledger: Ledger, policy: Policy, row_secret: bytes) -> None:
        self._isolator = isolator
        self._ledger = ledger
        self._policy = policy
        self._row_secret = row_secret
        self._held: WeakKeyDictionary[Room, Held] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wipes: set[asyncio.Task[None]] = set()

    def lock(self, room: Room) -> asyncio.Lock:
        """The lock under which something is asked of central's gate before the run."""
        return self._of(room).lock

    async def open(self, room: Room, on_death: Callable[[Room, TidegateError], Coroutine[Any, Any, None]]) -> CentralSide:
        """A gate for a room that has none, watched until it is dropped: `on_death` hears of its death."""
        setup = GateSetup(
            job_id=room.job.id,
            participant=CENTRAL,
            is_central=True,
            policy=self._policy,
            spec=room.spec,
            manifest=room.pair.manifest_bytes,
            pair_digest=room.pair.digest,
            contract=None,
            row_secret=self._row_secret,
        )
        gate = await LocalParticipant.open(await self._isolator.supervisor(), setup, self._ledger)
        central = room.gate_opened(gate)

        async def watch() -> None:
            error = await gate.gone()
            if room.central is central:
                await on_death(room, error)

        self._of(room).watch = self.spawn(watch())
        return central

    async def drop(self, room: Room) -> None:
        """Wipe the rows of a room, if there are any."""
        await self._finish_off(room, [self._of(room).watch])

    def run(self, room: Room, work: Coroutine[Any, Any, None]) -> None:
        """Run the job of a room."""
        self._of(room).work = self.spawn(work)

    def expire(self, room: Room, seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` when the result of a room was kept for so long."""
        self._of(room).expiry = asyncio.get_running_loop().call_later(seconds, lambda: self.spawn(work()))

    async def clear(self, room: Room) -> None:
        """Stop everything that goes on for a room, except the caller, and wipe its rows."""
        held = self._of(room)
        if held.expiry is not None:
            held.expiry.cancel()
        await self._finish_off(room, [held.work, held.watch])

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do `work` until it ends or central stops."""
        return _held_in(self._tasks, work)

    async def stop(self) -> None:
        """End all work but the wipes, which are waited for."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._wipes, return_exceptions=True)

    async def _finish_off(self, room: Room, tasks: Iterable[asyncio.Task[None] | None]) -> None:
        """Stop tasks, except the caller, and wipe the gate that the room has now, also when the caller goes away meanwhile."""
        stopped = [task for task in tasks if task is not None and task is not asyncio.current_task()]
        central = room.gate_dropped()
        for task in stopped:
            task.cancel()

        async def wipe() -> None:
            # First the tasks that speak with the gate: two readers of one channel would take each other's frames.
            await asyncio.gather(*stopped, return_exceptions=True)
            if central is not None:
                await central.gate.wipe()

        await asyncio.shield(_held_in(self._wipes, wipe()))

    def _of(self, room: Room) -> Held:
        return self._held.setdefault(room, Held())


def _held_in(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that is in `tasks` until it ends: the event loop holds tasks weakly."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
