"""The attached worker, as its gate sees it: a hostile peer behind a pipe that is sent a call and answers with kernel names."""

from __future__ import annotations

from typing import Final

from sandbox.errors import Code, PeerError
from sandbox.gate.guard import Refusal
from sandbox.pipe import Pipe
from sandbox.wire.frames import Kind
from sandbox.wire.messages import CallStep, StepCall, StepDone, StepFailed, worker_to_gate

MAX_ANSWER_BYTES: Final = 8 << 20
"""A worker answers with names and coefficients; a step that needs more than this is no step."""


class AttachedWorker:
    """The other end of a descriptor that the host handed over."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = Pipe(descriptor, MAX_ANSWER_BYTES)

    def call(self, call: StepCall) -> StepDone:
        """Run a step in the worker.

        Raises :class:`Refusal` when the pair's code raised, and :class:`PeerError` when the worker is gone or broke the protocol,
        :class:`LimitError` when its answer is too long.
        """
        try:
            self._pipe.send(CallStep(call.step, call.request))
            frame = self._pipe.receive()
        except (EOFError, OSError) as error:
            raise PeerError(Code.WORKER_DIED, reason="the end of its pipe") from error
        except PeerError as error:
            raise PeerError(Code.WORKER_PROTOCOL) from error
        if frame.kind is not Kind.MESSAGE:
            raise PeerError(Code.WORKER_PROTOCOL)
        try:
            answer = worker_to_gate.decode(frame.payload)
        except PeerError as error:
            raise PeerError(Code.WORKER_PROTOCOL) from error
        if isinstance(answer, StepDone):
            return answer
        if not isinstance(answer, StepFailed):
            raise PeerError(Code.WORKER_PROTOCOL)
        raise Refusal(Code.LIMIT_MEMORY if answer.is_memory else Code.WORKER_RAISED, max(answer.line, 0))
