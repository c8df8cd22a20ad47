"""A pair's remote module in a locked worker of its own: which kernels a step names, where no gate asks."""

from __future__ import annotations

import asyncio
from typing import Self

from policies import Policy
from sandbox.errors import Code, InputError, LimitError, PeerError
from sandbox.gate.guard import Refusal
from sandbox.manifest import Pair
from sandbox.rounds.local import compile_in
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.frames import Kind
from sandbox.wire.messages import CallStep, Program, StepCall, StepDone, StepFailed, worker_to_gate


class RemoteModule:
    """The worker. `close` it in the end."""

    def __init__(self, worker: Child, policy: Policy) -> None:
        self._worker = worker
        self._policy = policy

    @classmethod
    async def open(cls, supervisor: Supervisor, pair: Pair, policy: Policy) -> Self:
        """Compile the module. Raises :class:`InputError` when it breaks the source rules, and what a worker that ends raises."""
        worker = await supervisor.spawn_worker(policy)
        try:
            program = Program("remote", pair.remote_source, pair.manifest_bytes, policy.max_source_bytes)
            compiled = await compile_in(worker, program, policy.step_seconds)
            if compiled.findings:
                first = compiled.findings[0]
                raise InputError(Code.PAIR_SOURCE, module=f"{pair.manifest.name}Remote.py, line {first.line}", reason=first.message)
        except BaseException:
            await worker.kill()
            raise
        return cls(worker, policy)

    async def name(self, call: StepCall) -> StepDone:
        """What a step names.

        Raises:
            Refusal: the module raised.
            LimitError: it took too long.
            PeerError: the worker ended, or said something else.
        """
        try:
            async with asyncio.timeout(self._policy.step_seconds):
                await self._worker.channel.send(CallStep(call.step, call.request))
                frame = await self._worker.channel.receive()
        except TimeoutError:
            raise LimitError(Code.LIMIT_TIME, what="a step", limit=self._policy.step_seconds) from None
        answer = worker_to_gate.decode(frame.payload) if frame.kind is Kind.MESSAGE else None
        if isinstance(answer, StepFailed):
            raise Refusal(Code.LIMIT_MEMORY if answer.is_memory else Code.WORKER_RAISED, max(answer.line, 0))
        if not isinstance(answer, StepDone):
            raise PeerError(Code.WORKER_PROTOCOL)
        return answer

    async def close(self) -> None:
        """End the worker."""
        await self._worker.kill()
