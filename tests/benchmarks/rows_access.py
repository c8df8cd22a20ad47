"""A step of code that sees rows, verified in four workers, against the same code unverified."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sandbox.manifest import load_pair
from sandbox.rounds.local import LocalParticipant
from sandbox.supervisor import Supervisor, environment
from sandbox.wire.messages import RunRound, StepCall
from sandbox.worker.block import Block, Layout
from tests.benchmarks.rig import running
from tests.benchmarks.row import Row, middle
from tests.one_chain import asks

PAIR = load_pair(Path(__file__).parents[1] / "pairs" / "good" / "PlainSIMI")
TIMES = 8
TICK = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parents[2]


def rows() -> Iterator[Row]:
    """Processor time of gate and workers together, and wall time, of `moments` as `PlainSIMI` has it; and of a small step."""
    n, p = 200_000, 50
    direct = _child(n, p)
    processor, wall = asyncio.run(_measure(n, p))
    yield Row(f"moments, {n:,} x {p}: processor time of all processes", processor, "s", direct, "the step alone, s", limit_ratio=5)
    yield Row(f"moments, {n:,} x {p}: wall time", wall, "s", direct, "the step alone, s")
    n, p = 2000, 10
    processor, wall = asyncio.run(_measure(n, p))
    yield Row(f"moments, {n:,} x {p}: wall time", wall, "s", _child(n, p), "the step alone, s", limit=0.2)


def moments(rows: Block, target: int) -> dict[str, object]:
    """As `tests/pairs/good/PlainSIMI` has it."""
    seen = rows.observed(target)
    X = rows.design(target)[seen]
    y = rows.outcome(target)[seen]
    return {"n": np.sum(seen), "XX": X.T @ X, "Xy": X.T @ y, "yy": y @ y}


def _child(n: int, p: int) -> float:
    """Seconds of the step alone, in a process with as many BLAS threads as a worker has."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.rows_access", str(n), str(p)]
    return float(subprocess.run(command, env=environment(1), cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def _direct(n: int, p: int) -> float:
    draw = np.random.default_rng(1)
    block = Block(Layout(tuple(range(1, p + 2)), (1,), 1, {}), draw.standard_normal((p + 2, n)), draw.random((1, n)) > 0.1, None)
    taken = []
    for _ in range(TIMES):
        start = time.process_time()
        moments(block, 1)
        taken.append(time.process_time() - start)
    return middle(taken)


async def _measure(n: int, p: int) -> tuple[float, float]:
    supervisor = await Supervisor.start()
    async with running(supervisor, n, p, PAIR) as participant:
        await _round(participant, 1)
        before, start = _processor_seconds(participant), time.perf_counter()
        for number in range(2, TIMES + 2):
            await _round(participant, number)
        wall, processor = time.perf_counter() - start, _processor_seconds(participant) - before
    await supervisor.close()
    return processor / TIMES, wall / TIMES


async def _round(participant: LocalParticipant, number: int) -> None:
    """A round without the ledger, which is measured elsewhere."""
    gate = participant._gate.channel
    await gate.send(RunRound(number, asks(StepCall("moments", {"target": 1}))))
    await gate.receive()


def _processor_seconds(participant: LocalParticipant) -> float:
    """User and system time of gate and workers."""
    total = 0
    for child in participant.processes:
        fields = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rsplit(") ", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


if __name__ == "__main__":
    sys.stdout.write(f"{_direct(int(sys.argv[1]), int(sys.argv[2]))}\n")
