"""The link of one site: its session, which outlives connections, and who waits for its replies.

A connection is lost and made again without anybody noticing but the board; a site that stays away too long while it owes an answer, or
comes back as another process, fails the jobs that run with it.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final

import structlog

from central.hub.connection import Connection
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.wire.codec import encode
from sandbox.wire.link import CloseCode, SiteAnswer, SiteFailed, SiteReply
from sandbox.wire.messages import Message
from sandbox.wire.session import Alive, Event, Opened, Session, State

MAX_UNACKNOWLEDGED: Final = 1024
"""Messages kept for a site that does not acknowledge, before the link is given up."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """What a site was asked and has not answered yet."""

    number: int | None
    """Of the round; None for the constants."""
    body: asyncio.Future[bytes]
    """Of the answer; nothing when the constants were taken."""


@dataclass(slots=True)
class Waiting:
    """A job that runs with this site: what it was asked, and the failure that ends the wait."""

    gone: asyncio.Future[TidegateError]
    question: Question | None = None
    _absence: asyncio.TimerHandle | None = None

    def ask(self, number: int | None) -> asyncio.Future[bytes]:
        """Wait for the answer to a question, the next one."""
        if self.gone.done():
            raise self.gone.result()
        self.question = Question(number, asyncio.get_running_loop().create_future())
        return self.question.body

    def take(self, number: int | None, body: bytes) -> bool:
        """Take an answer; whether it is the one that is waited for."""
        if self.question is None or self.question.number != number:
            return False
        if not self.question.body.done():
            self.question.body.set_result(body)
        self.question = None
        self.came_back()
        return True

    def went_away(self, seconds: float, error: TidegateError) -> None:
        """The site is away. If it owes an answer it has so long to come back; a site that owes none is not missed."""
        if self.question is not None and self._absence is None:
            self._absence = asyncio.get_running_loop().call_later(seconds, self.fail, error)

    def came_back(self) -> None:
        """The site is there again, or owes nothing any more: it is not waited for."""
        if self._absence is not None:
            self._absence.cancel()
            self._absence = None

    def fail(self, error: TidegateError) -> None:
        """The site cannot go on with this job."""
        if not self.gone.done():
            self.gone.set_result(error)
        if self.question is not None and not self.question.body.done():
            self.question.body.set_exception(error)


@dataclass(slots=True)
class Link:
    """One site. Used from the event loop only."""

    site_id: str
    boot_id: str
    max_frame_bytes: int
    away_seconds: float
    connection: Connection | None = None
    jobs: dict[str, Waiting] = field(default_factory=dict)
    handover: asyncio.Lock = field(default_factory=asyncio.Lock)
    session: Session = field(init=False)
    _alive: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.session = self._new_session()

    def _new_session(self) -> Session:
        # A boot id of its own per session: a link that was given up is new to the site as well.
        return Session("central", f"{self.boot_id}-{secrets.token_hex(4)}", self.max_frame_bytes)

    @property
    def is_online(self) -> bool:
        """Whether messages go out now."""
        return self.connection is not None and self.session.state is State.OPEN

    # --- the connection -----------------------------------------------------------------------------------------------------------------

    def connect(self, connection: Connection) -> None:
        """Take a connection; there must be none."""
        self.connection = connection
        connection.send(self.session.connect())

    def disconnect(self, connection: Connection) -> bool:
        """Forget a connection that ended; whether it was the current one. From now on the site is away."""
        if self.connection is not connection:
            return False
        self.connection = None
        self.session.disconnect()
        for waiting in self.jobs.values():
            self._miss(waiting)
        return True

    def receive(self, data: bytes) -> list[Event]:
        """Take one frame. Raises as :meth:`Session.receive`."""
        events, frames = self.session.receive(data)
        if frames and self.connection is not None:
            self.connection.send(frames)
        for event in events:
            if isinstance(event, Opened):
                self._on_open(event)
            elif isinstance(event, Alive):
                self._alive.set()
        return events

    async def is_alive(self, timeout_seconds: float) -> bool:
        """Ask the site whether it is there; False when it does not answer in time."""
        if self.connection is None:
            return False
        self._alive.clear()
        self.connection.send(self.session.ping())
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._alive.wait()
        except TimeoutError:
            return False
        return True

    async def watch(self, connection: Connection, every_seconds: float, timeout_seconds: float) -> None:
        """Ping as long as this connection is the current one; close it when the site is silent."""
        while self.connection is connection:
            await asyncio.sleep(every_seconds)
            if self.connection is connection and not await self.is_alive(timeout_seconds):
                log.warning("link.silent", site=self.site_id)
                connection.close(CloseCode.SILENT)
                return

    # --- messages -----------------------------------------------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Send now, or as soon as the site is back: it arrives exactly once as long as both processes live."""
        frames = self._frames(message)
        if self.connection is not None:
            self.connection.send(frames)

    async def write(self, message: Message) -> None:
        """As :meth:`send`, and out in this turn of the event loop if nothing is in the way."""
        frames = self._frames(message)
        if self.connection is not None:
            await self.connection.write(frames)

    def _frames(self, message: Message) -> list[bytes]:
        if self.session.n_unacknowledged >= MAX_UNACKNOWLEDGED:
            log.warning("link.not_acknowledged", site=self.site_id)
            self.give_up(CloseCode.PROTOCOL, PeerError(Code.SITE_SILENT, site=self.site_id, limit=MAX_UNACKNOWLEDGED))
            return []
        return self.session.send(encode(message))

    def notify(self, message: Message) -> None:
        """Send if the site is there; what it missed is told anew when it opens a connection."""
        if self.is_online:
            self.send(message)

    def give_up(self, code: CloseCode, error: TidegateError) -> None:
        """Close, and forget what was sent: the next connection starts anew, and jobs that run with this site fail with `error`."""
        connection = self.connection
        if connection is not None:
            self.disconnect(connection)
            connection.close(code)
        self.session = self._new_session()
        self._fail_jobs(error)

    def answered(self, answer: SiteAnswer) -> None:
        """Hand an answer to who waits for it. Raises :class:`PeerError` for one that nobody asked for."""
        waiting = self.jobs.get(answer.job_id)
        if waiting is None:
            # The job ended while the answer was under way.
            return
        if isinstance(answer, SiteFailed):
            waiting.fail(PeerError(answer.code, site=self.site_id))
            return
        number, body = (answer.number, answer.body) if isinstance(answer, SiteReply) else (None, b"")
        if not waiting.take(number, body):
            error = PeerError(Code.WIRE_MESSAGE, site=self.site_id)
            self._fail_jobs(error)
            raise error

    # --- being away ---------------------------------------------------------------------------------------------------------------------

    def _on_open(self, event: Opened) -> None:
        self._miss_no_more()
        if event.is_new:
            self._fail_jobs(PeerError(Code.SITE_RESTARTED, site=self.site_id))

    def _miss(self, waiting: Waiting) -> None:
        waiting.went_away(self.away_seconds, PeerError(Code.SITE_LOST, site=self.site_id, limit=round(self.away_seconds)))

    def _miss_no_more(self) -> None:
        for waiting in self.jobs.values():
            waiting.came_back()

    def stop(self) -> None:
        """Close for good: central shuts down."""
        if self.connection is not None:
            connection = self.connection
            self.disconnect(connection)
            connection.close(CloseCode.GOING_AWAY)
        self._miss_no_more()

    def join(self, job_id: str) -> Waiting:
        """A job starts to run with this site."""
        waiting = Waiting(asyncio.get_running_loop().create_future())
        self.jobs[job_id] = waiting
        return waiting

    def ask(self, waiting: Waiting, number: int | None) -> asyncio.Future[bytes]:
        """Wait for the answer to a question. A site that is away already has its time from now on."""
        body = waiting.ask(number)
        if not self.is_online:
            self._miss(waiting)
        return body

    def leave(self, job_id: str) -> None:
        """The job ended."""
        waiting = self.jobs.pop(job_id, None)
        if waiting is not None:
            waiting.came_back()
            waiting.gone.cancel()

    def _fail_jobs(self, error: TidegateError) -> None:
        for waiting in self.jobs.values():
            waiting.fail(error)
