"""Rows lent to a worker that sees them: the real worker loop behind a real socket, and peers that lie."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from sandbox.errors import Code, PeerError
from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import Refusal
from sandbox.gate.partition import secret_partition
from sandbox.gate.pool import Pool
from sandbox.gate.rows import Rows
from sandbox.gate.survey import Survey
from sandbox.pipe import Pipe
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import BlocksDone, CallBlocks, GateSetup, LoadRows, SetColumn, StepDone, StepFailed, gate_to_worker
from sandbox.worker.block import Block
from sandbox.worker.blocks import Blocks
from tests.sandbox.gate.conftest import join

N_BLOCKS = 7


def moments(rows: Block, target: int) -> dict[str, object]:
    X = rows.matrix()[rows.observed(target)]
    return {"XX": X.T @ X, "n": len(X)}


def impute(rows: Block, target: int) -> None:
    rows.fill(target, rows.matrix()[:, 0] * 10 + rows.normal())


def fail(rows: Block, target: int) -> dict[str, object]:
    raise MemoryError if target == 1 else ValueError


STEPS = {"moments": moments, "impute": impute, "fail": fail}


def serve(end: socket.socket) -> None:
    with end:
        pipe = Pipe(end.fileno())
        blocks: Blocks | None = None
        try:
            while True:
                message = gate_to_worker.decode(pipe.receive().payload)
                if isinstance(message, LoadRows):
                    blocks = Blocks(message, pipe)
                elif isinstance(message, SetColumn):
                    blocks.set_column(message, pipe)
                elif isinstance(message, CallBlocks):
                    blocks.call(STEPS, message, pipe)
        except EOFError:
            return


@contextlib.contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """The gate's end of a worker that `serve` plays in a thread; both end with the context."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        # A gate that ends may leave something unread: the worker's end is then reset.
        with contextlib.suppress(ConnectionError):
            serve(theirs)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ours
    finally:
        with ours:
            ours.shutdown(socket.SHUT_RDWR)
        join(thread)


@pytest.fixture
def lay_out(surveyed: Callable[..., Survey], make_setup: Callable[..., GateSetup], csv_text: Callable[..., str]) -> Callable[[], Rows]:
    """Standardised rows with two targets, some cells of which are missing."""

    def make() -> Rows:
        rows = surveyed(csv_text(120), make_setup()).rows
        assert rows is not None
        starts = {index: np.zeros(rows.n_missing(index)) for index in rows.targets}
        rows.standardise(np.zeros(rows.n_columns), np.ones(rows.n_columns), starts)
        return rows

    return make


@pytest.fixture
def lend(lay_out: Callable[..., Rows]) -> Iterator[Callable[[int], tuple[Pool, Rows]]]:
    with contextlib.ExitStack() as workers:

        def make(n_blocks: int) -> tuple[Pool, Rows]:
            rows = lay_out()
            pool = Pool(workers.enter_context(served(serve)).fileno())
            pool.load(rows, secret_partition(RowDraws(bytes(16)), rows.file_rows, n_blocks, n_blocks), {})
            return pool, rows

        yield make


def test_blocks_add_up_to_the_whole_and_the_gate_knows_the_sum(lend) -> None:
    sums = []
    for n_blocks in (1, N_BLOCKS):
        pool, rows = lend(n_blocks)
        target = rows.targets[0]
        pool.call(CallBlocks("moments", {"target": target}, {"XX": (rows.p, rows.p), "n": ()}))
        answer = pool.answer(rows.p**2 + 1)
        assert len(answer) == n_blocks
        sums.append(answer.sum(axis=0))
        assert np.allclose(sums[-1][:-1].reshape(rows.p, rows.p), rows.gram(target), rtol=1e-12)
        assert sums[-1][-1] == rows.n_observed(target)
    assert np.allclose(*sums, rtol=1e-12)


def test_a_filled_column_comes_back_in_the_order_of_the_rows_and_is_lent_again(lend) -> None:
    pool, rows = lend(N_BLOCKS)
    target, numbers = rows.targets[0], np.arange(float(rows.n))
    pool.call(CallBlocks("impute", {"target": target}, {}, target, True), numbers)
    filled = pool.partition.restore(pool.filled())
    assert np.allclose(filled, rows.column(0) * 10 + numbers)
    missing = rows.missing_places(target)
    rows.refill(target, filled[missing])
    pool.set_column(rows, rows.position(target))
    pool.call(CallBlocks("moments", {"target": rows.targets[1]}, {"XX": (rows.p, rows.p), "n": ()}))
    assert np.allclose(pool.answer(rows.p**2 + 1).sum(axis=0)[:-1].reshape(rows.p, rows.p), rows.gram(rows.targets[1]))


@pytest.mark.parametrize(("target", "code"), [(0, Code.WORKER_RAISED), (1, Code.LIMIT_MEMORY)])
def test_a_step_that_raises_is_a_refusal_and_the_next_call_is_answered(lend, target: int, code: Code) -> None:
    pool, rows = lend(N_BLOCKS)
    pool.call(CallBlocks("fail", {"target": target}, {"XX": ()}))
    with pytest.raises(Refusal) as refused:
        pool.answer(1)
    assert refused.value.code is code
    pool.call(CallBlocks("moments", {"target": rows.targets[0]}, {"XX": (rows.p, rows.p), "n": ()}))
    assert pool.answer(rows.p**2 + 1)[:, -1].sum() == rows.n_observed(rows.targets[0])


@pytest.mark.parametrize(
    ("shapes", "step"),
    [({"XX": (1,), "n": ()}, "moments"), ({"XX": (4, 4)}, "moments"), ({"n": ()}, "impute")],
    ids=["another shape", "a field too many", "a fill in place of an answer"],
)
def test_what_the_manifest_does_not_declare_is_not_answered(lend, shapes: dict[str, tuple[int, ...]], step: str) -> None:
    pool, rows = lend(1)
    pool.call(
        CallBlocks(step, {"target": rows.targets[0]}, shapes, has_numbers=step == "impute"), np.zeros(rows.n) if step == "impute" else None
    )
    with pytest.raises(Refusal) as refused:
        pool.answer(1)
    assert refused.value.code is Code.WORKER_RAISED


LIES = {
    "too few bytes": [BlocksDone(), bytes(8), None],
    "too many bytes": [BlocksDone(), bytes(32), None],
    "no array": [BlocksDone(), None],
    "the answer of a blind worker": [StepDone()],
    "an array first": [bytes(16), None],
    "a message within the array": [BlocksDone(), bytes(8), BlocksDone()],
    "nothing": [],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_about_its_answer_is_no_worker(lay_out, lie: str) -> None:
    def tell(end: socket.socket) -> None:
        with end:
            pipe = Pipe(end.fileno())
            for part in LIES[lie]:
                if part is None:
                    pipe.send_frame(Frame(Kind.END))
                elif isinstance(part, bytes):
                    pipe.send_frame(Frame(Kind.DATA, part))
                else:
                    pipe.send(part)
            end.shutdown(socket.SHUT_WR)
            while end.recv(1 << 16):
                pass

    with served(tell) as end:
        rows = lay_out()
        pool = Pool(end.fileno())
        pool.load(rows, secret_partition(RowDraws(bytes(16)), rows.file_rows, 1, 1), {})
        with pytest.raises(PeerError) as stopped:
            pool.answer(2)
        assert stopped.value.code in (Code.WORKER_PROTOCOL, Code.WORKER_DIED)


@pytest.mark.parametrize(("said", "code"), [([], Code.WORKER_DIED), ([BlocksDone()], Code.WORKER_PROTOCOL)], ids=["nothing", "unasked"])
def test_what_a_worker_said_last_counts_when_it_is_gone_before_it_is_lent_anything(lay_out, said: list[BlocksDone], code: Code) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            Pipe(theirs.fileno()).send(*said)
        rows = lay_out()
        with pytest.raises(PeerError) as stopped:
            Pool(ours.fileno()).load(rows, secret_partition(RowDraws(bytes(16)), rows.file_rows, 1, 1), {})
    assert stopped.value.code is code


def test_a_failed_step_holds_nothing_but_a_line() -> None:
    assert StepFailed.__struct_fields__ == ("line", "is_memory")
