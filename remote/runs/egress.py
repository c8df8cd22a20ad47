"""What left: the lines of the ledger that belong to one job, and whether the chain holds. Reads the file in a thread; writes nothing."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from pathlib import Path
from typing import Any, Final

from sandbox.ledger import Verdict, verify

MAX_LINES: Final = 2000
"""Lines shown of one job, the last ones; the file has them all."""


class Egress:
    """Reads the ledger of this site."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def of_job(self, job_id: str, limit: int = MAX_LINES) -> list[dict[str, Any]]:
        """The last lines of one job, in order."""
        return await asyncio.to_thread(self._of_job, job_id, limit)

    async def verdict(self) -> Verdict:
        """Whether no line was changed, removed or inserted."""
        return await asyncio.to_thread(verify, self._path)

    def _of_job(self, job_id: str, limit: int) -> list[dict[str, Any]]:
        found: deque[dict[str, Any]] = deque(maxlen=limit)
        wanted = json.dumps(job_id).encode()
        with self._path.open("rb") as lines:
            for raw in lines:
                if wanted not in raw:
                    continue
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if line.get("job") == job_id:
                    found.append(line)
        return list(found)
