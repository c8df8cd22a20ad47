"""Code that remembers rows, as a worker that broke out of its language could, against four workers that lack each other's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.draws import RowDraws
from sandbox.gate.lending import N_GROUPS, N_WORKERS, VERIFICATION, Contributions, Lending
from sandbox.gate.partition import MAX_BLOCKS, secret_partition
from sandbox.gate.pool import Pool
from sandbox.gate.rows import Rows
from sandbox.gate.survey import Survey
from sandbox.gate.verification import Verifier, check_memory
from sandbox.pipe import Pipe
from sandbox.wire.messages import CallBlocks, GateSetup, LoadRows, SetColumn, gate_to_worker
from sandbox.worker.block import Block
from sandbox.worker.blocks import Blocks

N_ROWS = 300
DRAWS = RowDraws(bytes(16))


class Remembering:
    """A worker whose code keeps what it saw: the largest value of a column, which it spreads evenly over all rows when it is asked."""

    def __init__(self) -> None:
        self.largest = -np.inf

    def learn(self, rows: Block) -> dict[str, object]:
        self.largest = max(self.largest, float(rows.matrix()[:, 0].max()))
        return {"total": rows.matrix()[:, 0].sum()}

    def tell(self, rows: Block, secret_above: float) -> dict[str, object]:
        known = self.largest if self.largest > secret_above else 0.0
        return {"total": known * len(rows.matrix()) / N_ROWS}


def serve(end: socket.socket) -> None:
    code = Remembering()
    steps = {"learn": code.learn, "tell": code.tell}
    with end:
        pipe = Pipe(end.fileno())
        blocks: Blocks | None = None
        try:
            while True:
                message = gate_to_worker.decode(pipe.receive().payload)
                if isinstance(message, LoadRows):
                    blocks = Blocks(message, pipe)
                elif blocks is not None and isinstance(message, SetColumn):
                    blocks.set_column(message, pipe)
                elif blocks is not None and isinstance(message, CallBlocks):
                    blocks.call(steps, message, pipe)
        except EOFError:
            return


@pytest.fixture
def rows(surveyed: Callable[..., Survey], make_setup: Callable[..., GateSetup], csv_text: Callable[..., str]) -> Rows:
    found = surveyed(csv_text(N_ROWS), make_setup()).rows
    assert found is not None
    starts = {index: np.zeros(found.n_missing(index)) for index in found.targets}
    found.standardise(np.zeros(found.n_columns), np.ones(found.n_columns), starts)
    return found


@pytest.fixture
def lend() -> Iterator[Callable[..., Lending]]:
    ends: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def make(rows: Rows, draws: RowDraws = DRAWS) -> Lending:
        pools = []
        for _ in range(N_WORKERS):
            ours, theirs = socket.socketpair()
            ends.append(ours)
            threads.append(threading.Thread(target=serve, args=(theirs,)))
            threads[-1].start()
            pools.append(Pool(ours.fileno()))
        return Lending(pools, rows, draws, {})

    yield make
    for end in ends:
        end.close()
    for thread in threads:
        thread.join(timeout=10)


def ask(lending: Lending, step: str, **request: float) -> Contributions:
    lending.call(CallBlocks(step, dict(request), {"total": ()}))
    return lending.contributions(1)


def group_of_largest(rows: Rows, draws: RowDraws) -> int:
    """The group of blocks that has the row with the largest value."""
    partition = secret_partition(draws, rows.file_rows, VERIFICATION, MAX_BLOCKS)
    place = int(np.flatnonzero(partition.order == int(rows.column(0).argmax()))[0])
    block = int(np.searchsorted(np.cumsum(partition.sizes), place, side="right"))
    groups = np.array_split(np.arange(len(partition.sizes)), N_GROUPS)
    return next(number for number, group in enumerate(groups) if block in group)


def verifier(lending: Lending) -> Verifier:
    sizes = np.asarray(lending.partition.sizes, float)
    return Verifier(sizes, built_in("default"), 10, np.random.default_rng(1), is_reviewed=True)


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_a_value_that_workers_remember_is_given_away_by_the_one_that_never_saw_it(rows: Rows, lend, group: int) -> None:
    key = next(key for key in range(1000) if group_of_largest(rows, RowDraws(bytes([key] * 16))) == group)
    lending = lend(rows, RowDraws(bytes([key] * 16)))
    column = rows.column(0)
    second, largest = np.sort(column)[-2:]
    learnt = ask(lending, "learn")
    assert not check_memory(learnt.blocks, learnt.again)
    assert learnt.whole[0] == pytest.approx(column.sum())
    told = ask(lending, "tell", secret_above=float(largest + second) / 2)
    assert told.whole[0] == pytest.approx(largest)
    assert [breach.rule for breach in check_memory(told.blocks, told.again)] == ["additive"]


def test_without_a_second_answer_to_every_block_a_remembered_value_would_leave(rows: Rows, lend) -> None:
    lending = lend(rows)
    ask(lending, "learn")
    column = np.sort(rows.column(0))
    told = ask(lending, "tell", secret_above=-1e9)
    # Every worker remembers a value of its own here; where all remember the same one, only its own rows would show it.
    same = Contributions(
        told.whole, np.full_like(told.blocks, column[-1] / N_ROWS) * np.asarray(lending.partition.sizes)[:, None], told.again
    )
    assert verifier(lending).check("tell", same.whole, same.blocks) == []


def test_honest_code_answers_every_block_alike(rows: Rows, lend) -> None:
    lending = lend(rows)
    for _ in range(3):
        found = ask(lending, "learn")
        assert (found.blocks == found.again).all()
        assert found.blocks.sum() == pytest.approx(found.whole[0])
