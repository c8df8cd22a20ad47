"""A site behind the hub, as the round engine sees it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from central.hub.link import Link
from policies import Policy
from sandbox.errors import Code, LimitError, TidegateError
from sandbox.wire.link import SiteBegin, SiteRound
from sandbox.wire.messages import ChainCalls, Constants, Message, RoundReply, round_reply


class LinkedParticipant:
    """Implements :class:`sandbox.rounds.participant.Participant` over a link. Enter it for the time of a run."""

    def __init__(self, link: Link, job_id: str, policy: Policy) -> None:
        self.name = link.site_id
        self._link = link
        self._job_id = job_id
        self._step_seconds = policy.step_seconds

    def __enter__(self) -> Self:
        self._waiting = self._link.join(self._job_id)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.leave()

    def leave(self) -> None:
        """The run needs this site no more: whether it is there is of no concern to the job. May be called more than once."""
        self._link.leave(self._job_id)

    async def gone(self) -> TidegateError:
        """Wait until the site is lost, was restarted or says that it cannot go on; why."""
        return await asyncio.shield(self._waiting.gone)

    async def begin(self, constants: Constants) -> None:
        """Send the constants and wait for the site's gate."""
        await self._ask(SiteBegin(self._job_id, constants), None, 1)

    async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        """Ask the site; see :class:`~sandbox.rounds.participant.Participant`."""
        body = await self._ask(SiteRound(self._job_id, number, chains), number, sum(len(part.calls) for part in chains))
        return round_reply.decode(body)

    async def _ask(self, message: Message, number: int | None, n_steps: int) -> bytes:
        """Send and wait: for the body of the answer, for the loss of the site, or for the deadline.

        Raises:
            PeerError: the site is lost, was restarted, or says that it cannot go on.
            LimitError: it did not answer in time. A connection that breaks meanwhile has its own limit on top.
        """
        body = self._link.ask(self._waiting, number)
        seconds = self._step_seconds * n_steps + self._link.away_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._link.write(message)
                return await body
        except TimeoutError:
            raise LimitError(Code.LIMIT_TIME, what=f"site {self.name}", limit=round(seconds), site=self.name) from None
