"""What left: the lines of a host's ledger about one job, their receipt, and whether the chain holds. Reads in a thread; writes nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict

from sandbox.host.parts import part
from sandbox.host.problems import not_found
from sandbox.ledger import Verdict, entries, verify
from sandbox.pages.lines import stretch
from sandbox.receipt import Receipt, as_text, read_receipt

MAX_LINES: Final = 2000
"""Lines that the API tells of one job when nobody asks for more: a job of several chains has long ones."""


class Record:
    """Reads the ledger of this host."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def of_job(self, job_id: str, limit: int | None = MAX_LINES) -> list[dict[str, Any]]:
        """The last lines of one job, in order; without a limit all of them."""
        return await asyncio.to_thread(lambda: list(deque(entries(self._path, job_id), maxlen=limit)))

    async def verdict(self) -> Verdict:
        """Whether no line was changed, removed or inserted."""
        return await asyncio.to_thread(verify, self._path)

    async def receipt(self, job_id: str) -> Receipt:
        """The receipt of one job. Raises :class:`InputError` when the ledger has no line about it."""
        found = await asyncio.to_thread(read_receipt, self._path, job_id)
        if found is None:
            raise not_found("receipt")
        return found

    async def page(self, job_id: str, page: int) -> dict[str, Any]:
        """What `ledger.html` shows of one job: some lines of it, and whether the chain holds."""
        lines = await self.of_job(job_id, limit=None)
        return {"shown": stretch(lines, page), "verdict": await self.verdict()}


class EntryView(BaseModel):
    """A line of the ledger. Further keys depend on the kind of line; none holds a number that left."""

    model_config = ConfigDict(extra="allow")

    time: str = ""
    job: str = ""
    participant: str = ""
    kind: str = ""


class VerdictView(BaseModel):
    """Whether the ledger's chain holds; `broken_line` is 0 when it does."""

    holds: bool
    n_lines: int
    broken_line: int
    last_hash: str

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """The view of a verdict."""
        return cls(holds=verdict.holds, n_lines=verdict.n_lines, broken_line=verdict.broken_line, last_hash=verdict.last_hash)


ThisRecord = Annotated[Record, Depends(part(Record))]
job_router = APIRouter(prefix="/api/jobs/{job_id}")
"""Include it with what guards a job of this host."""
chain_router = APIRouter(prefix="/api/ledger")
"""Include it with what guards this host."""


@job_router.get("/ledger")
async def read_ledger(job_id: str, record: ThisRecord, limit: Annotated[int, Query(ge=1)] = MAX_LINES) -> list[EntryView]:
    """What left this host in a job, or was refused: the last `limit` lines of its ledger about it, in order."""
    return [EntryView.model_validate(line) for line in await record.of_job(job_id, limit)]


@job_router.get("/receipt")
async def read_job_receipt(job_id: str, record: ThisRecord) -> Receipt:
    """What left in a job, on one page: how much, under which rules and code, what was refused, what was wiped."""
    return await record.receipt(job_id)


@job_router.get("/receipt.txt", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def read_receipt_text(job_id: str, record: ThisRecord) -> PlainTextResponse:
    """The receipt as text."""
    return PlainTextResponse(as_text(await record.receipt(job_id)))


@chain_router.get("/verdict")
async def read_verdict(record: ThisRecord) -> VerdictView:
    """Whether the ledger was tampered with."""
    return VerdictView.of(await record.verdict())
