"""A worker that sees rows, as its gate sees it: a hostile peer that is lent the rows in one secret order and answers with numbers.

Several serve a job and know nothing of each other (`lending`): a call is sent to all of them before any is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from sandbox.errors import Code, LimitError, PeerError
from sandbox.gate.guard import Refusal
from sandbox.gate.partition import Partition
from sandbox.gate.rows import Matrix, Rows
from sandbox.pipe import Pipe
from sandbox.wire.frames import Kind
from sandbox.wire.messages import BlocksDone, CallBlocks, LoadRows, Message, SetColumn, StepFailed, worker_to_gate

MAX_FRAME_BYTES: Final = 1 << 20
"""Answers come in pieces smaller than this."""


class Pool:
    """One worker and the order in which it has the rows."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = Pipe(descriptor, MAX_FRAME_BYTES)
        self._partition: Partition | None = None

    def load(self, rows: Rows, partition: Partition, thresholds: Mapping[int, float]) -> None:
        """Lend the rows. Raises :class:`PeerError` when the worker is gone."""
        self._partition = partition
        n_intercepts = rows.p - rows.n_columns
        self._send(LoadRows(rows.model, rows.targets, n_intercepts, partition.sizes, dict(thresholds)))
        observed = np.ones((len(rows.targets), rows.n), dtype=np.bool_)
        for number, target in enumerate(rows.targets):
            observed[number, rows.missing_places(target)] = False
        self._send_bulk(np.ascontiguousarray(observed[:, partition.order]))
        for position in range(rows.p):
            self.set_column(rows, position)

    def set_column(self, rows: Rows, position: int) -> None:
        """Lend a design column again, after it was filled."""
        self._send(SetColumn(position))
        self._send_bulk(rows.column(position)[self.partition.order])

    def call(self, message: CallBlocks, numbers: Matrix | None = None) -> None:
        """Send a call, with a number per row (in the order of `Rows`); :meth:`answer` waits for it."""
        self._send(message)
        if numbers is not None:
            self._send_bulk(numbers[self.partition.order])

    def answer(self, n_numbers: int) -> Matrix:
        """What the step answered, shape (blocks, n_numbers).

        Raises :class:`Refusal` when the pair's code raised, :class:`PeerError` when the worker is gone or broke the protocol.
        """
        answer = np.empty((len(self.partition.sizes), n_numbers))
        self._receive(answer)
        return answer

    def filled(self) -> Matrix:
        """What the step put into every row that was lent, in the order of `partition`, shape (rows,). Raises as :meth:`answer`."""
        values = np.empty(len(self.partition.order))
        self._receive(values)
        return values

    @property
    def partition(self) -> Partition:
        """The order in which the worker has the rows."""
        if self._partition is None:
            raise PeerError(Code.GATE_PROTOCOL)
        return self._partition

    def _send(self, message: Message) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._lost() from error

    def _send_bulk(self, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
        try:
            self._pipe.send_bulk(values.data.cast("B") if values.size else b"")
        except OSError as error:
            raise self._lost() from error

    def _lost(self) -> PeerError:
        """Why a worker takes nothing more, the same whether it ended before it was written to or after: it spoke unasked, or is gone."""
        try:
            self._pipe.receive()
        except (EOFError, OSError):
            return PeerError(Code.WORKER_DIED, reason="the end of its pipe")
        except (PeerError, LimitError):
            pass
        return PeerError(Code.WORKER_PROTOCOL)

    def _receive(self, into: Matrix) -> None:
        try:
            frame = self._pipe.receive()
            message = worker_to_gate.decode(frame.payload) if frame.kind is Kind.MESSAGE else None
            if isinstance(message, StepFailed):
                raise Refusal(Code.LIMIT_MEMORY if message.is_memory else Code.WORKER_RAISED, max(message.line, 0))
            if not isinstance(message, BlocksDone):
                raise PeerError(Code.WORKER_PROTOCOL)
            self._pipe.receive_bulk(into.data.cast("B") if into.size else memoryview(b""))
        except (EOFError, OSError) as error:
            raise PeerError(Code.WORKER_DIED, reason="the end of its pipe") from error
        except (PeerError, LimitError) as error:
            raise PeerError(Code.WORKER_PROTOCOL) from error
