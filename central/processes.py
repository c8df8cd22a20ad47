"""The supervisor of central's gates and workers, started when it is first needed."""

from __future__ import annotations

import asyncio

from sandbox.supervisor import Supervisor


class Processes:
    """Starts one supervisor and keeps it until `close`."""

    def __init__(self, blas_threads: int) -> None:
        self._blas_threads = blas_threads
        self._supervisor: Supervisor | None = None
        self._lock = asyncio.Lock()

    async def supervisor(self) -> Supervisor:
        """The supervisor. Raises `IsolationError` when this machine cannot run one."""
        async with self._lock:
            if self._supervisor is None:
                self._supervisor = await Supervisor.start(self._blas_threads)
            return self._supervisor

    async def close(self) -> None:
        """End every process of ours."""
        async with self._lock:
            if self._supervisor is not None:
                await self._supervisor.close()
                self._supervisor = None
