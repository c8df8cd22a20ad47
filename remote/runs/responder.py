"""Answers central's questions in one run: in order, each at most once, the ledger line first (the participant sees to that)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from sandbox.errors import Code, PeerError, TidegateError
from sandbox.life import STOPS
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.link import SiteAnswer, SiteBegin, SiteBegun, SiteFailed, SiteReply, SiteRound

MAX_WAITING: Final = 64
"""Questions that may wait. Central's engine asks one at a time; more than a few is not central's engine."""

log = structlog.get_logger()


class Responder:
    """The questions of one run, taken one at a time. After a failure it answers nothing any more."""

    def __init__(
        self,
        job_id: str,
        participant: LocalParticipant,
        answer: Callable[[SiteAnswer], Awaitable[None]],
        on_failure: Callable[[Code], Awaitable[None]],
    ) -> None:
        self._job_id = job_id
        self._participant = participant
        self._send = answer
        self._on_failure = on_failure
        self._questions: asyncio.Queue[SiteBegin | SiteRound] = asyncio.Queue()
        self._last_number = -1
        self._has_begun = False
        self._is_flooded = False
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def put(self, question: SiteBegin | SiteRound) -> None:
        """Queue a question; it is answered by :meth:`run`."""
        if self._questions.qsize() >= MAX_WAITING:
            self._is_flooded = True
        else:
            self._questions.put_nowait(question)

    async def run(self) -> None:
        """Answer questions until one fails or the run ends."""
        while True:
            question = await self._questions.get()
            self._is_idle.clear()
            try:
                answer = await self._answer(question)
                if isinstance(answer, Code):
                    await self._send(SiteFailed(self._job_id, outward(answer)))
                    await self._on_failure(answer)
                    return
                await self._send(answer)
            finally:
                self._is_idle.set()

    async def idle(self) -> None:
        """Wait until no question is being answered: a gate that gave up over one has said why in the answer, and ended after that."""
        await self._is_idle.wait()

    async def _answer(self, question: SiteBegin | SiteRound) -> SiteBegun | SiteReply | Code:
        """The answer, or why there is none."""
        if self._is_flooded:
            return Code.LIMIT_MESSAGES
        try:
            if isinstance(question, SiteBegin):
                return await self._begin(question)
            return await self._round(question)
        except TidegateError as error:
            return error.code
        except Exception as error:  # noqa: BLE001 - a bug of ours must end the run, not leave central waiting
            log.error("run.responder", job=self._job_id, error=type(error).__name__)
            return Code.GATE_PROTOCOL

    async def _begin(self, question: SiteBegin) -> SiteBegun:
        if self._has_begun:
            raise PeerError(Code.WIRE_SEQUENCE)
        self._has_begun = True
        await self._participant.begin(question.constants)
        return SiteBegun(self._job_id)

    async def _round(self, question: SiteRound) -> SiteReply:
        # The link delivers once; this holds even if it, or central, did not.
        if question.number <= self._last_number:
            raise PeerError(Code.WIRE_SEQUENCE)
        self._last_number = question.number
        body = await self._participant.run_round_bytes(question.number, question.chains)
        return SiteReply(self._job_id, question.number, body)


def outward(code: Code) -> Code:
    """A failure as central is told it. Which rule stops a file is decided by its rows, and is for its owner only."""
    return Code.SITE_NOT_READY if code in STOPS else code
