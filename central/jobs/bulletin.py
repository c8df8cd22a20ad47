"""What sites are told of their jobs, and how often. A site that is away misses it and is told everything anew when it comes back."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final

from central.hub.hub import Hub
from central.jobs.model import Job
from central.jobs.room import Room, ended
from sandbox.rounds.state import OVER
from sandbox.wire.link import JobEnded, JobsOpen

ANNOUNCE_SECONDS: Final = 0.3
"""Boards and progress are told at most this often."""
N_ENDED: Final = 50
"""Ends of jobs that are repeated to a site that comes back."""


class Bulletin:
    """Sends offers, boards and ends over the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._soon: dict[Room, asyncio.TimerHandle] = {}
        self._ended: defaultdict[str, deque[JobEnded]] = defaultdict(lambda: deque(maxlen=N_ENDED))

    def offer(self, room: Room) -> None:
        """The whole job: it is new, or its contract changed."""
        offer = room.offer(self._hub.is_online)
        for site in room.job.participants:
            self._hub.notify(site, offer)
        self.announce(room)

    def announce(self, room: Room) -> None:
        """Board and progress, soon."""
        if room not in self._soon:
            self._soon[room] = asyncio.get_running_loop().call_later(ANNOUNCE_SECONDS, self._update, room)

    def forget(self, room: Room) -> None:
        """Announce nothing more of a room that is about to go."""
        if room in self._soon:
            self._soon.pop(room).cancel()

    def end(self, job: Job) -> None:
        """A job ended for the sites."""
        message = self.remember_end(job)
        for site in job.participants:
            self._hub.notify(site, message)

    def remember_end(self, job: Job) -> JobEnded:
        """Keep an end for sites that are away."""
        message = ended(job)
        for site in job.participants:
            self._ended[site].append(message)
        return message

    def resume(self, site_id: str, rooms: Sequence[Room]) -> None:
        """Everything a site must know after it came back: ends first, then what is open, then each open job."""
        for message in (*self._ended[site_id], JobsOpen(tuple(room.job.id for room in rooms))):
            self._hub.notify(site_id, message)
        for room in rooms:
            self._hub.notify(site_id, room.offer(self._hub.is_online))
            self.announce(room)

    def _update(self, room: Room) -> None:
        del self._soon[room]
        if room.state not in OVER:
            update = room.update(self._hub.is_online)
            for site in room.job.participants:
                self._hub.notify(site, update)
