"""The attached worker, as its gate sees it: a hostile peer behind a pipe that is sent calls and answers with kernel names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

from sandbox.errors import Code, PeerError
from sandbox.gate.guard import Refusal
from sandbox.pipe import Pipe
from sandbox.wire.frames import Kind
from sandbox.wire.messages import CallStep, StepCall, StepDone, StepFailed, worker_to_gate
from sandbox.wire.values import Array

MAX_ANSWER_BYTES: Final = 8 << 20
"""A worker answers with names and coefficients; a step that needs more than this is no step."""
TOGETHER_BYTES: Final = 16 << 10
"""Arguments of the calls that are sent together. They wait in the pipe while the worker answers the first, so they must fit into it."""


class AttachedWorker:
    """The other end of a descriptor that the host handed over."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = Pipe(descriptor, MAX_ANSWER_BYTES)
        self._n_due = 0
        """Answers that were not read yet."""

    def run(self, calls: Sequence[StepCall]) -> Iterator[StepDone]:
        """Run steps in the worker; what each named, in order.

        Calls are sent together, so that a worker is not woken for each. Answers that the caller does not take are thrown away by the next
        `run`: a worker sees no rows, so what it named for a step tells nothing of how the steps before it ended.

        Raises :class:`Refusal` when the pair's code raised, and :class:`PeerError` when the worker is gone or broke the protocol,
        :class:`LimitError` when its answer is too long.
        """
        while self._n_due:
            self._receive()
        for together in _together(calls):
            self._send(together)
            for _ in together:
                yield _named(self._receive())

    def _send(self, calls: Sequence[StepCall]) -> None:
        # Whether a worker ended before this or after it is chance: what it said last, and that it is gone, is told by reading.
        with contextlib.suppress(OSError):
            self._pipe.send(*[CallStep(call.step, call.request) for call in calls])
        self._n_due = len(calls)

    def _receive(self) -> StepDone | StepFailed:
        self._n_due -= 1
        try:
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
        if not isinstance(answer, StepDone | StepFailed):
            raise PeerError(Code.WORKER_PROTOCOL)
        return answer


def _named(answer: StepDone | StepFailed) -> StepDone:
    if isinstance(answer, StepFailed):
        raise Refusal(Code.LIMIT_MEMORY if answer.is_memory else Code.WORKER_RAISED, max(answer.line, 0))
    return answer


def _together(calls: Sequence[StepCall]) -> Iterator[list[StepCall]]:
    """The calls in order, in groups that are sent in one piece; a call with long arguments is a group of its own."""
    group: list[StepCall] = []
    n_bytes = 0
    for call in calls:
        size = sum(len(value.data) for value in call.request.values() if isinstance(value, Array))
        if group and n_bytes + size > TOGETHER_BYTES:
            yield group
            group, n_bytes = [], 0
        group.append(call)
        n_bytes += size
    if group:
        yield group
