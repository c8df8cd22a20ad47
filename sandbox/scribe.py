"""Waiting for the disk without stopping the event loop: one thread that writes, and one sync for all lines that came meanwhile.

A thread of its own, because a job waits for it in every round: handing work to a pool costs three times as much, and a pool that is busy
with something else would hold up what may only leave when its line is on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")
Waiting: TypeAlias = tuple[T, "asyncio.Future[None]"]


class Scribe(Generic[T]):
    """Calls `write` with the lines that wait, in the order in which they came. The thread starts with the first line."""

    def __init__(self, write: Callable[[Sequence[T]], None]) -> None:
        self._write = write
        self._waiting: SimpleQueue[Waiting[T] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def enter(self, line: T) -> None:
        """Wait until `line` is written; raises what `write` raised. Who stops waiting does not stop the line."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
            self._thread.start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put((line, done))
        await done

    def close(self) -> None:
        """Write what waits and end the thread."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

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
            self._write([line for line, _ in batch])
        except Exception as raised:  # noqa: BLE001 - it is raised where the line was entered
            error = raised
        for _, done in batch:
            # A loop that was closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                done.get_loop().call_soon_threadsafe(_settle, done, error)


def _settle(done: asyncio.Future[Any], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
