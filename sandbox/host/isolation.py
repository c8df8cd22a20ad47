"""The supervisor of a host's gates and workers, started when it is first needed, and what a trial of both found."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import structlog

from policies import Policy
from sandbox.errors import TidegateError
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import Isolation

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trial:
    """What the trial found: the weaker isolation of gate and worker, or why they could not be locked in."""

    isolation: Isolation | None = None
    error: TidegateError | None = None


class Isolator:
    """Owns the supervisor."""

    def __init__(self, policy: Policy, blas_threads: int = 1) -> None:
        self._policy = policy
        self._blas_threads = blas_threads
        self._supervisor: Supervisor | None = None
        self._lock = asyncio.Lock()
        self.trial: Trial | None = None
        """None before and while it is made."""

    async def supervisor(self) -> Supervisor:
        """The supervisor. Raises `IsolationError` or `LimitError` when it cannot be started."""
        async with self._lock:
            if self._supervisor is None:
                self._supervisor = await Supervisor.start(self._blas_threads)
            return self._supervisor

    async def try_out(self) -> None:
        """Lock in a gate and a worker, note what holds them, and end them: before anybody uploads anything."""
        try:
            supervisor = await self.supervisor()
            gate = await supervisor.spawn_gate(self._policy)
            await gate.kill()
            worker = await supervisor.spawn_worker(self._policy)
            await worker.kill()
        except TidegateError as error:
            log.error("isolation.missing", code=error.code.value)
            self.trial = Trial(error=error)
            return
        log.info("isolation.found", tier=worker.isolation.tier, landlock_abi=worker.isolation.landlock_abi)
        # Only a gate holds rows, so only a gate can say whether they are kept out of swap.
        self.trial = Trial(msgspec.structs.replace(worker.isolation, memory_locked=gate.isolation.memory_locked))

    async def close(self) -> None:
        """End every process of ours."""
        async with self._lock:
            supervisor, self._supervisor = self._supervisor, None
            if supervisor is not None:
                await supervisor.close()
