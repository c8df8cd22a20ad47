"""The thread that waits for the disk: order, sharing, errors, the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from sandbox import scribe as module
from sandbox.scribe import QUICK_SECONDS, QUICK_WRITES, Scribe


class Disk:
    """Where lines go, one batch at a time; `is_free` lets it go on."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.is_free = threading.Event()
        self.is_free.set()
        self.is_writing = threading.Event()

    def write(self, lines: Sequence[str]) -> None:
        self.is_writing.set()
        assert self.is_free.wait(10)
        self.batches.append(list(lines))
        if "bad" in lines:
            raise OSError("no space")


async def test_a_line_is_written_when_entering_it_returns() -> None:
    disk = Disk()
    scribe = Scribe(disk.write)
    for line in ("a", "b"):
        await scribe.enter(line)
        assert disk.batches[-1] == [line]
    scribe.close()


async def test_lines_that_come_while_one_is_written_share_the_next_write_in_order() -> None:
    disk = Disk()
    scribe = Scribe(disk.write)
    disk.is_free.clear()
    entering = [asyncio.create_task(scribe.enter("first"))]
    await asyncio.to_thread(disk.is_writing.wait, 10)
    entering += [asyncio.create_task(scribe.enter(str(number))) for number in range(20)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in entering)
    disk.is_free.set()
    await asyncio.gather(*entering)
    assert disk.batches == [["first"], [str(number) for number in range(20)]]
    scribe.close()


async def test_an_error_of_the_disk_is_raised_where_the_line_was_entered() -> None:
    scribe = Scribe(Disk().write)
    with pytest.raises(OSError, match="no space"):
        await scribe.enter("bad")
    await scribe.enter("good")
    scribe.close()


async def test_who_stops_waiting_does_not_stop_the_line() -> None:
    disk = Disk()
    scribe = Scribe(disk.write)
    disk.is_free.clear()
    entering = asyncio.create_task(scribe.enter("a"))
    await asyncio.to_thread(disk.is_writing.wait, 10)
    entering.cancel()
    await asyncio.gather(entering, return_exceptions=True)
    disk.is_free.set()
    await scribe.enter("b")
    assert disk.batches == [["a"], ["b"]]
    scribe.close()


async def test_closing_writes_what_waits_and_ends_the_thread() -> None:
    disk = Disk()
    scribe = Scribe(disk.write)
    before = set(threading.enumerate())
    disk.is_free.clear()
    entering = [asyncio.create_task(scribe.enter(line)) for line in ("a", "b", "c")]
    await asyncio.to_thread(disk.is_writing.wait, 10)
    disk.is_free.set()
    scribe.close()
    scribe.close()
    assert [line for batch in disk.batches for line in batch] == ["a", "b", "c"]
    await asyncio.gather(*entering)
    assert not any(thread.name == "scribe" for thread in set(threading.enumerate()) - before)


class TimedDisk:
    """Takes `seconds` for a write, by a clock of its own; remembers who wrote each line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = QUICK_SECONDS / 2
        self.now = 0.0
        self.lines: list[str] = []
        self.writers: list[threading.Thread] = []
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)

    def write(self, lines: Sequence[str]) -> None:
        self.now += self.seconds
        if "bad" in lines:
            raise OSError("no space")
        self.lines += lines
        self.writers += [threading.current_thread()] * len(lines)

    async def scribe_in_place(self) -> Scribe[str]:
        """A scribe that has begun to write in place."""
        scribe = Scribe(self.write)
        for number in range(QUICK_WRITES + 1):
            await scribe.enter(str(number))
        assert self.is_in_place
        return scribe

    @property
    def is_in_place(self) -> bool:
        """Whether the last line was written by who entered it."""
        return self.writers[-1] is threading.current_thread()


async def test_where_the_disk_is_quick_lines_are_written_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = TimedDisk(monkeypatch)
    scribe = Scribe(disk.write)
    for number in range(3 * QUICK_WRITES):
        await scribe.enter(str(number))
        assert disk.is_in_place is (number >= QUICK_WRITES)
    assert disk.lines == [str(number) for number in range(3 * QUICK_WRITES)]
    scribe.close()


async def test_one_slow_write_sends_the_next_lines_to_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = TimedDisk(monkeypatch)
    scribe = await disk.scribe_in_place()
    disk.seconds = QUICK_SECONDS
    await scribe.enter("slow")
    disk.seconds = QUICK_SECONDS / 2
    for number in range(QUICK_WRITES):
        await scribe.enter(str(number))
        assert not disk.is_in_place
    await scribe.enter("quick again")
    assert disk.is_in_place
    scribe.close()


async def test_an_error_in_place_is_raised_too_and_sends_the_next_line_to_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = TimedDisk(monkeypatch)
    scribe = await disk.scribe_in_place()
    with pytest.raises(OSError, match="no space"):
        await scribe.enter("bad")
    await scribe.enter("good")
    assert not disk.is_in_place
    scribe.close()


async def test_a_line_is_not_written_in_place_before_those_that_the_thread_has() -> None:
    disk = Disk()
    scribe = Scribe(disk.write)
    disk.is_free.clear()
    first = asyncio.create_task(scribe.enter("first"))
    await asyncio.to_thread(disk.is_writing.wait, 10)
    scribe._n_quick = QUICK_WRITES
    second = asyncio.create_task(scribe.enter("second"))
    await asyncio.sleep(0)
    assert not second.done()
    disk.is_free.set()
    await asyncio.gather(first, second)
    assert disk.batches == [["first"], ["second"]]
    scribe.close()


def test_a_loop_that_is_gone_does_not_stop_the_thread() -> None:
    disk = Disk()
    scribe = Scribe(disk.write)
    disk.is_free.clear()

    async def leave() -> None:
        asyncio.create_task(scribe.enter("a")).add_done_callback(lambda _: None)
        await asyncio.sleep(0)

    asyncio.run(leave())
    disk.is_free.set()
    asyncio.run(scribe.enter("b"))
    assert [line for batch in disk.batches for line in batch] == ["a", "b"]
    scribe.close()
