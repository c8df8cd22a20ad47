"""Waiting for the disk without stopping the event loop: one thread that writes, and one sync for all lines that came meanwhile.

A thread of its own, because a job waits for it in every round: handing work to a pool costs three times as much, and a pool that is busy
with something else would hold up what may only leave when its line is on the disk.

Where the disk answers sooner than a thread would (a disk whose cache survives a power cut), lines are written in place: the event loop
stops for less time than it takes to wake the thread and be woken by it. One slow write sends those after it to the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeAlias, TypeVar

T = TypeVar("T")
Waiting: TypeAlias = tuple[T, "asyncio.Future[None]"]

QUICK_SECONDS: Final = 2e-4
"""A write that takes no longer may stop the event loop; a thread costs it about as much."""
QUICK_WRITES: Final = 8
"""Quick ones in a row before lines are written in place."""


class Scribe(Generic[T]):
    """Calls `write` with the lines that wait, in the order in which they came. The thread starts with the first line.

    One event loop uses it at a time. It is told by a bell of its own and not by `call_soon_threadsafe`, which wakes it while this thread
    holds the interpreter, so that it falls asleep again at once.
    """

    def __init__(self, write: Callable[[Sequence[T]], None]) -> None:
        self._write = write
        self._waiting: SimpleQueue[Waiting[T] | None] = SimpleQueue()
        self._written: deque[tuple[asyncio.Future[None], Exception | None]] = deque()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = -1
        self._n_handed = 0
        """Lines that the thread was given and that are not settled."""
        self._n_quick = 0

    async def enter(self, line: T) -> None:
        """Wait until `line` is written; raises what `write` raised. Who stops waiting does not stop the line."""
        if self._n_quick >= QUICK_WRITES and not self._n_handed:
            self._write_timed([line])
            return
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
            self._thread.start()
        if self._loop is not loop:
            self._loop = loop
            loop.add_reader(self._bell, self._on_bell)
        done: asyncio.Future[None] = loop.create_future()
        self._n_handed += 1
        self._waiting.put((line, done))
        await done

    def close(self) -> None:
        """Write what waits and end the thread. Where it is used by a running loop, that is who closes it. May be called again."""
        if self._thread is None or self._loop is None:
            return
        self._waiting.put(None)
        self._thread.join()
        # A loop that was closed has forgotten the bell by itself.
        with contextlib.suppress(RuntimeError):
            self._loop.remove_reader(self._bell)
        self._thread = self._loop = None
        os.close(self._bell)
        self._settle()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, is_last = [first], False
            with contextlib.suppress(Empty):
                while not is_last:
                    following = self._waiting.get_nowait()
                    if following is None:
                        is_last = True
                    else:
                        batch.append(following)
            self._write_batch(batch)
            if is_last:
                return

    def _write_batch(self, batch: Sequence[Waiting[T]]) -> None:
        error: Exception | None = None
        try:
            self._write_timed([line for line, _ in batch])
        except Exception as raised:  # noqa: BLE001 - it is raised where the line was entered
            error = raised
        self._written.extend([(done, error) for _, done in batch])
        os.eventfd_write(self._bell, 1)

    def _write_timed(self, lines: Sequence[T]) -> None:
        start, n_quick, self._n_quick = time.perf_counter(), self._n_quick, 0
        self._write(lines)
        if time.perf_counter() - start < QUICK_SECONDS:
            self._n_quick = n_quick + 1

    def _on_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        self._settle()

    def _settle(self) -> None:
        while self._written:
            done, error = self._written.popleft()
            self._n_handed -= 1
            # A loop that was closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                if done.done():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)
