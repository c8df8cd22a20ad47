"""The rows a worker was lent, block by block, and the calls of steps on them. Only of pairs that see rows.

The gate owns the rows: it sends them once, and a column again whenever it was filled. Nothing that comes out of here is believed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from sandbox.wire.messages import BlocksDone, CallBlocks, LoadRows, SetColumn, StepFailed
from sandbox.wire.values import Array
from sandbox.worker.arrays import to_numpy
from sandbox.worker.block import Block, Layout, Numbers
from sandbox.worker.channel import Duplex
from sandbox.worker.runner import line_of


class BulkDuplex(Duplex, Protocol):
    """A pipe that also carries arrays."""

    def send_bulk(self, data: bytes | memoryview) -> None:
        """Send bytes."""

    def receive_bulk(self, into: memoryview) -> None:
        """Receive as many bytes as `into` holds."""


class Blocks:
    """The blocks of one worker."""

    def __init__(self, message: LoadRows, pipe: BulkDuplex) -> None:
        self._layout = Layout(message.columns, message.targets, message.n_intercepts, message.thresholds)
        self._bounds = list(itertools.pairwise(np.cumsum((0, *message.sizes)).tolist()))
        self._n = sum(message.sizes)
        self._values = [np.ones((self._layout.p, size)) for size in message.sizes]
        observed = np.empty((len(message.targets), self._n), dtype=np.bool_)
        pipe.receive_bulk(observed.data.cast("B") if observed.size else memoryview(bytearray()))
        observed.setflags(write=False)
        self._observed = [observed[:, start:stop] for start, stop in self._bounds]

    def set_column(self, message: SetColumn, pipe: BulkDuplex) -> None:
        """Take new values of a design column."""
        column = self._receive(pipe)
        for values, (start, stop) in zip(self._values, self._bounds, strict=True):
            values[message.position] = column[start:stop]

    def call(self, steps: Mapping[str, Callable[..., Any]], message: CallBlocks, pipe: BulkDuplex) -> None:
        """Call a step on every block and send what it answered, or that it raised."""
        numbers = self._receive(pipe) if message.has_numbers else None
        try:
            answer = self._answer(steps[message.step], message, numbers)
        except MemoryError as error:
            pipe.send(StepFailed(line_of(error.__traceback__), is_memory=True))
            return
        except Exception as error:  # noqa: BLE001 - the edge of foreign code: anything it raises becomes a line
            pipe.send(StepFailed(line_of(error.__traceback__)))
            return
        pipe.send(BlocksDone())
        pipe.send_bulk(answer.data.cast("B") if answer.size else b"")

    def _answer(self, step: Callable[..., Any], message: CallBlocks, numbers: Numbers | None) -> Numbers:
        request = {name: to_numpy(value) if isinstance(value, Array) else value for name, value in message.request.items()}
        n_numbers = sum(int(np.prod(shape)) for shape in message.shapes.values())
        answer = np.empty(self._n if message.fills else (len(self._values), n_numbers))
        for number, (values, observed, (start, stop)) in enumerate(zip(self._values, self._observed, self._bounds, strict=True)):
            lent = values.view()
            lent.setflags(write=False)
            block = Block(self._layout, lent, observed, None if numbers is None else numbers[start:stop])
            returned = step(block, **request)
            if message.fills:
                answer[start:stop] = _filled(block, message.fills, returned)
            else:
                _write_fields(answer[number], returned, message.shapes)
        return answer

    def _receive(self, pipe: BulkDuplex) -> Numbers:
        column = np.empty(self._n)
        pipe.receive_bulk(column.data.cast("B") if self._n else memoryview(bytearray()))
        column.setflags(write=False)
        return column


def _filled(block: Block, target: int, returned: object) -> Numbers:
    if returned is not None or block.filled.keys() != {target}:
        raise TypeError("a step that fills calls rows.fill once, for the target it was asked about, and returns nothing")
    return block.filled[target]


def _write_fields(out: Numbers, returned: object, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """The declared fields, in order, into `out`."""
    if type(returned) is not dict or returned.keys() != shapes.keys():
        raise TypeError("a step returns a dict with the fields that the manifest declares")
    start = 0
    for name, shape in shapes.items():
        value = np.asarray(returned[name])
        if value.shape != shape or value.dtype.kind not in "fiub":
            raise TypeError("a field has the shape that the manifest declares and holds real numbers")
        out[start : start + value.size] = value.reshape(-1)
        start += value.size
