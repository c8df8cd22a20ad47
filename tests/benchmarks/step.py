"""One step through worker and gate: what the wall costs per question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import numpy as np

from sandbox.rounds.local import LocalParticipant
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import RunRound, StepCall
from tests.benchmarks.rig import running
from tests.benchmarks.row import Row, quiet
from tests.one_chain import asks

TIMES = 300
N, P = 1000, 50


def rows() -> Iterator[Row]:
    """Milliseconds of a round with one Gram, against the same products in this process; the quietest of twelve batches each."""
    direct = quiet(_direct())
    for what, n, p in ((f"Gram, n = {N}, p = {P}", N, P), ("Gram, n = 60, p = 1: the line without work", 60, 1)):
        channel, ledger = asyncio.run(_measure(n, p))
        base = direct if n == N else 0.0
        yield Row(f"{what}: added by the wall", channel - base, "ms", direct, "direct, ms", limit=0.5 if n == N else None)
        yield Row(f"{what}: added by the wall and the ledger on disk", ledger - base, "ms", direct, "direct, ms")


def _direct() -> list[float]:
    """Milliseconds of X'X, X'y and y'y over the observed rows, X of shape (1000, 51)."""
    draw = np.random.default_rng(1)
    x, y = draw.standard_normal((N, P + 1)), draw.standard_normal(N)
    is_observed = draw.random(N) > 0.1
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        design, target = x[is_observed], y[is_observed]
        _ = design.T @ design, design.T @ target, target @ target
        taken.append((time.perf_counter() - start) * 1000)
    return taken


async def _measure(n: int, p: int) -> tuple[float, float]:
    supervisor = await Supervisor.start()
    async with running(supervisor, n, p) as participant:
        channel = [await _round(participant, number) for number in range(1, TIMES)]
        ledger = []
        for number in range(TIMES, TIMES + 100):
            start = time.perf_counter()
            await participant.run_round_bytes(number, asks(StepCall("moments", {"target": 1})))
            ledger.append((time.perf_counter() - start) * 1000)
    await supervisor.close()
    return quiet(channel), quiet(ledger)


async def _round(participant: LocalParticipant, number: int) -> float:
    gate = participant._gate.channel
    start = time.perf_counter()
    await gate.send(RunRound(number, asks(StepCall("moments", {"target": 1}))))
    await gate.receive()
    return (time.perf_counter() - start) * 1000
