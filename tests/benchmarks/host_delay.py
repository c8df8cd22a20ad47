"""How long a host's event loop is kept waiting while eight workers misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import msgspec

from policies import built_in
from sandbox.probe.runner import PROGRAM
from sandbox.probe.script import run_under
from sandbox.supervisor import Supervisor
from tests.benchmarks.row import Row

SECONDS = 4.0
TICK = 0.001
HEAD = "import os, ctypes\ndef run(data, params):\n    "
MISDEEDS = [
    HEAD + "while True: pass",
    HEAD + "while True: os.write(3, b'TG' + bytes([1, 2]) + bytes(4) + (65536).to_bytes(4, 'little') + bytes(65536))",
    HEAD + "while True: os.write(3, bytes(65536))",
    HEAD + "x = []\n    while True: x.append(bytes(1 << 20))",
    HEAD + "ctypes.string_at(0)",
    HEAD + "while True: os.write(3, b'TG' + bytes([1, 2]) + bytes(4) + (60 << 20).to_bytes(4, 'little') + bytes(60 << 20))",
    HEAD + "os._exit(3)",
    HEAD + "os.write(3, b'TG' + bytes([1, 1]) + bytes(4) + (60 << 20).to_bytes(4, 'little'))\n    while True: pass",
]
"""Spins, floods with frames, floods with garbage, takes memory, crashes, floods with 60 MB, ends, announces 60 MB and says nothing."""


def rows() -> Iterator[Row]:
    """Worst lateness of a timer in milliseconds, against eight plain processes that compute."""
    quiet = asyncio.run(_with_plain_processes())
    delays, n_ended = asyncio.run(misbehave(SECONDS))
    yield Row("worst delay, 8 workers misbehave", max(delays), "ms", max(quiet), "8 plain processes, ms")
    typical, plain = sorted(delays)[int(len(delays) * 0.99)], sorted(quiet)[int(len(quiet) * 0.99)]
    yield Row("99 of 100 delays are below", typical, "ms", plain, "8 plain processes, ms")
    yield Row("workers ended meanwhile", n_ended / SECONDS, "/s", 1, "one a second")


@contextlib.asynccontextmanager
async def misbehaving() -> AsyncIterator[asyncio.Semaphore]:
    """Eight workers misbehave, each misdeed again as soon as it is over. What is yielded is released for every worker that ended."""
    policy = msgspec.structs.replace(built_in("default"), worker_data_bytes=128 << 20)
    supervisor = await Supervisor.start(program=PROGRAM)
    ended = asyncio.Semaphore(0)

    async def again(source: str) -> None:
        while True:
            await run_under(supervisor, source.encode(), policy, is_restricted=False, seconds=1.0)
            ended.release()

    tasks = [asyncio.create_task(again(source)) for source in MISDEEDS]
    try:
        yield ended
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await supervisor.close()


async def misbehave(seconds: float) -> tuple[list[float], int]:
    """Keep eight workers misbehaving; delays in milliseconds, and how many workers ended."""
    n_ended = 0
    async with misbehaving() as ended, _delays(seconds) as delays:
        await asyncio.sleep(seconds)
        while not ended.locked():
            await ended.acquire()
            n_ended += 1
    return delays, n_ended


async def _with_plain_processes() -> list[float]:
    spin = [subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"]) for _ in MISDEEDS]
    try:
        async with _delays(SECONDS) as delays:
            await asyncio.sleep(SECONDS)
    finally:
        for process in spin:
            process.kill()
            process.wait()
    return delays


@contextlib.asynccontextmanager
async def _delays(seconds: float) -> AsyncIterator[list[float]]:
    """How late a timer is, in milliseconds, over and over."""
    late: list[float] = []

    async def tick() -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append((time.perf_counter() - start - TICK) * 1000)

    ticking = asyncio.create_task(tick())
    try:
        yield late
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
