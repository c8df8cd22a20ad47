"""What left: the lines of the ledger about one job, their receipt, and whether the chain holds. Reads in a thread; writes nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Any, Final

from sandbox.errors import Code, InputError
from sandbox.ledger import Verdict, entries, verify
from sandbox.receipt import Receipt, read_receipt

MAX_LINES: Final = 2000
"""Lines that the API tells of one job, the last ones; the files have them all."""


class Egress:
    """Reads the ledger of this site."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def of_job(self, job_id: str, limit: int | None = MAX_LINES) -> list[dict[str, Any]]:
        """The last lines of one job, in order; without a limit all of them."""
        return await asyncio.to_thread(self._of_job, job_id, limit)

    async def verdict(self) -> Verdict:
        """Whether no line was changed, removed or inserted."""
        return await asyncio.to_thread(verify, self._path)

    async def receipt(self, job_id: str) -> Receipt:
        """The receipt of one job. Raises :class:`InputError` when the ledger has no line about it."""
        found = await asyncio.to_thread(read_receipt, self._path, job_id)
        if found is None:
            raise InputError(Code.REQUEST_NOT_FOUND, what="receipt")
        return found

    def _of_job(self, job_id: str, limit: int | None) -> list[dict[str, Any]]:
        return list(deque(entries(self._path, job_id), maxlen=limit))
