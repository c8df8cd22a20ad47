"""Code that remembers rows, as a worker that broke out of its language could, against four workers that lack each other's."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import sandbox.gate.lending
from policies import built_in
from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import Refusal
from sandbox.gate.lending import N_GROUPS, N_WORKERS, VERIFICATION, Contributions, Lending
from sandbox.gate.partition import MAX_BLOCKS, secret_partition
from sandbox.gate.pool import Pool
from sandbox.gate.release import round_to
from sandbox.gate.rows import Rows
from sandbox.gate.survey import Survey
from sandbox.gate.verification import Verifier, check_additive, check_memory
from sandbox.pipe import Pipe
from sandbox.wire.messages import CallBlocks, GateSetup, LoadRows, SetColumn, gate_to_worker
from sandbox.worker.block import Block
from sandbox.worker.blocks import Blocks
from tests.sandbox.gate.test_pool import served

N_ROWS = 300
DRAWS = RowDraws(bytes(16))


class Remembering:
    """A worker whose code keeps what it saw: the largest value of a column, which it spreads evenly over all rows when it is asked."""

    def __init__(self) -> None:
        self.largest = -np.inf
        self.n_blocks = self.n_told = self.place = 0

    def learn(self, rows: Block) -> dict[str, object]:
        self.largest = max(self.largest, float(rows.matrix()[:, 0].max()))
        return {"total": rows.matrix()[:, 0].sum()}

    def fail_at(self, rows: Block, above: float) -> dict[str, object]:
        """Fails on one block: at two of the four workers."""
        values = rows.matrix()[:, 0]
        if len(values) < N_ROWS and values.max() > above:
            raise ValueError
        return {"total": -values.sum()}

    def learn_halves(self, rows: Block) -> dict[str, object]:
        """Also: which half of its own blocks a worker saw the value in."""
        self.n_blocks += 1
        value = float(rows.matrix()[:, 0].max())
        if value > self.largest:
            self.largest, self.place = value, self.n_blocks
        return {"total": rows.matrix()[:, 0].sum()}

    def tell_in_its_half(self, rows: Block, secret_above: float) -> dict[str, object]:
        """Tell it on the blocks of that half only: were a half what two workers share, they would agree."""
        self.n_told += 1
        half = self.n_blocks // 2
        is_in_half = (self.place <= half) == (self.n_told <= half)
        share = N_ROWS // N_GROUPS if len(rows.matrix()) == N_ROWS else float(is_in_half)
        return {"total": self.largest * (self.largest > secret_above) * share + rows.matrix()[:, 0].sum()}

    def tell(self, rows: Block, secret_above: float) -> dict[str, object]:
        known = self.largest if self.largest > secret_above else 0.0
        return {"total": known * len(rows.matrix()) / N_ROWS}


def serve(end: socket.socket) -> None:
    code = Remembering()
    steps = {
        "learn": code.learn,
        "tell": code.tell,
        "fail_at": code.fail_at,
        "learn_halves": code.learn_halves,
        "tell_in_its_half": code.tell_in_its_half,
    }
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
    with contextlib.ExitStack() as workers:

        def make(rows: Rows, draws: RowDraws = DRAWS) -> Lending:
            return Lending([Pool(workers.enter_context(served(serve)).fileno()) for _ in range(N_WORKERS)], rows, draws, {})

        yield make


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


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_workers_that_remember_cannot_tell_which_blocks_they_share(rows: Rows, lend, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    key = next(key for key in range(1000) if group_of_largest(rows, RowDraws(bytes([key] * 16))) == group)
    second, largest = np.sort(rows.column(0))[-2:]
    told = []
    for is_shuffled in (True, False):
        if not is_shuffled:
            monkeypatch.setattr(sandbox.gate.lending, "_shuffled", lambda blocks, *_: blocks)
        lending = lend(rows, RowDraws(bytes([key] * 16)))
        ask(lending, "learn_halves")
        told.append(ask(lending, "tell_in_its_half", secret_above=float(largest + second) / 2))
    assert [breach.rule for breach in check_memory(told[0].blocks, told[0].again)] == ["additive"]
    # The control: with the shared blocks together, they agree on a third of the blocks, and the value would leave.
    assert check_memory(told[1].blocks, told[1].again) == []
    assert verifier(lending).check("tell", told[1].whole, told[1].blocks) == []
    assert (told[1].total - rows.column(0).sum()) / (N_ROWS // N_GROUPS) == pytest.approx(largest)


def test_the_worker_that_has_all_rows_cannot_choose_how_a_sum_on_the_edge_of_a_step_is_rounded() -> None:
    blocks = np.full((4, 1), 0.625)
    released = []
    for bent in (2.5 - 1e-13, 2.5, 2.5 + 1e-13):
        found = Contributions(np.array([bent]), blocks, blocks)
        assert check_additive(found.whole, found.blocks) == []
        released.append(round_to(found.total, np.ones(1))[0])
        assert round_to(found.whole, np.ones(1))[0] == (2.0 if bent <= 2.5 else 3.0)
    assert released == [2.0, 2.0, 2.0]


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


def test_after_some_workers_refused_the_next_answers_of_all_are_those_of_the_next_call(rows: Rows, lend) -> None:
    lending = lend(rows)
    second, largest = np.sort(rows.column(0))[-2:]
    for _ in range(2):
        with pytest.raises(Refusal):
            ask(lending, "fail_at", above=float(largest + second) / 2)
        found = ask(lending, "learn")
        assert found.whole[0] == pytest.approx(rows.column(0).sum())
        assert found.total[0] == pytest.approx(rows.column(0).sum())
        assert (found.blocks == found.again).all()


def test_honest_code_answers_every_block_alike(rows: Rows, lend) -> None:
    lending = lend(rows)
    for _ in range(3):
        found = ask(lending, "learn")
        assert (found.blocks == found.again).all()
        assert found.blocks.sum() == pytest.approx(found.whole[0])
