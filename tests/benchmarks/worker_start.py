"""Start of a worker: forked, locked in, compiled and attached to its gate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from sandbox.supervisor import Supervisor
from tests.benchmarks.rig import IS_ROOT, PAIR, POLICY, interpreter, private_megabytes, uploaded
from tests.benchmarks.row import Row, middle

TIMES = 25
FRESH = "import numpy, scipy.linalg, scipy.optimize, scipy.special"
MEMORY = FRESH + "; import re; print(re.search(r'Private_Dirty:\\s+(\\d+)', open('/proc/self/smaps_rollup').read())[1])"


def rows() -> Iterator[Row]:
    """Milliseconds and megabytes, against an interpreter that imports the same libraries."""
    fresh = middle([interpreter(FRESH)[0] for _ in range(5)]) * 1000
    locked, attached, private = asyncio.run(_measure())
    yield Row("worker locked in and ready", locked, "ms", fresh, "fresh interpreter, ms")
    yield Row("worker attached to its gate", attached, "ms", fresh, "fresh interpreter, ms", limit=50, limit_ratio=0.1)
    if IS_ROOT:
        yield Row(
            "private memory of a worker that waits for work",
            private,
            "MB",
            int(interpreter(MEMORY)[1]) / 1024,
            "fresh interpreter, MB",
            limit=10,
        )


async def _measure() -> tuple[float, float, float]:
    supervisor = await Supervisor.start()
    locked, private = [], [0.0]
    for _ in range(TIMES):
        start = time.perf_counter()
        worker = await supervisor.spawn_worker(POLICY)
        locked.append((time.perf_counter() - start) * 1000)
        await worker.kill()
    attached = []
    for _ in range(TIMES):
        async with uploaded(supervisor, 100, 3) as (participant, _):
            start = time.perf_counter()
            await participant.attach(PAIR.remote_source)
            attached.append((time.perf_counter() - start) * 1000)
            if IS_ROOT and len(participant.processes) > 1:
                private.append(private_megabytes(participant.processes[1].pid))
    await supervisor.close()
    return middle(locked), middle(attached), max(private)
