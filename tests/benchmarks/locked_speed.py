"""Linear algebra under lockdown against the same code without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from policies import built_in
from sandbox.probe.runner import PROGRAM
from sandbox.probe.script import run_under
from sandbox.supervisor import Supervisor
from tests.benchmarks.rig import interpreter
from tests.benchmarks.row import Row

TIMES = 5
SET_UP = """
import numpy as np
draw = np.random.default_rng(1)
x = draw.standard_normal(({n}, 50))
y = (draw.random({n}) < 0.5) * 1.0
"""
WORK = {
    "X'X, 100,000 × 50, 20 times": (100_000, "for _ in range(20):\n    x.T @ x"),
    "IRLS, 20,000 × 50, 160 steps": (
        20_000,
        "beta = np.zeros(50)\n"
        "for _ in range(160):\n"
        "    p = 1 / (1 + np.exp(-(x @ beta)))\n"
        "    w = p * (1 - p)\n"
        "    beta = beta + np.linalg.solve(x.T @ (x * w[:, None]), x.T @ (y - p))",
    ),
}


def rows() -> Iterator[Row]:
    """Seconds, the fastest of five: what stands in the way only ever adds. The two take turns."""
    for what, (n, work) in WORK.items():
        code = SET_UP.format(n=n) + "import time\nstart = time.perf_counter()\n" + work + "\nprint(time.perf_counter() - start)\n"
        raw, locked = asyncio.run(_measure(n, work, code))
        yield Row(what, locked, "s", raw, "not locked in, s", limit_ratio=1.10)


async def _measure(n: int, work: str, code: str) -> tuple[float, float]:
    body = "".join(f"    {line}\n" for line in (SET_UP.format(n=n) + "{work}").splitlines())
    idle = ("def run(data, params):\n" + body.format(work="")).encode()
    busy = ("def run(data, params):\n" + body.format(work=work.replace("\n", "\n    "))).encode()
    policy = built_in("default")
    supervisor = await Supervisor.start(program=PROGRAM)
    raw, locked = [], []
    for _ in range(TIMES):
        raw.append(float((await asyncio.to_thread(interpreter, code))[1]))
        # A worker tells nobody what time it is: its work is what it takes longer than without it.
        without = await run_under(supervisor, idle, policy, is_restricted=False, seconds=60)
        with_work = await run_under(supervisor, busy, policy, is_restricted=False, seconds=60)
        if (without.outcome, with_work.outcome) != ("returned", "returned"):
            raise SystemExit(f"the benchmark did not run: {with_work.as_text()}")
        locked.append(with_work.seconds - without.seconds)
    await supervisor.close()
    return min(raw), min(locked)
