"""What goes out of a WebSocket: in order, at once when it is waited for, and never more than is bearable."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.outgoing import MAX_WAITING, Outgoing


class Socket:
    """Takes frames while `is_open` is set."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.taken: list[bytes] = []

    async def write(self, frame: bytes) -> None:
        await self.is_open.wait()
        self.taken.append(frame)


@pytest.fixture
def socket() -> Socket:
    return Socket()


async def test_what_is_written_leaves_without_a_turn_of_the_loop_and_what_is_put_leaves_before_it(socket: Socket) -> None:
    socket.is_open.set()
    outgoing = Outgoing(socket.write)
    outgoing.put([b"1"])
    turns = []
    asyncio.get_running_loop().call_soon(turns.append, 1)
    await outgoing.write([b"2", b"3"])
    assert socket.taken == [b"1", b"2", b"3"]
    assert turns == []


async def test_two_who_write_at_once_do_not_mix_their_frames(socket: Socket) -> None:
    outgoing = Outgoing(socket.write)
    first = asyncio.create_task(outgoing.write([b"1", b"2"]))
    await asyncio.sleep(0)
    await outgoing.write([b"3"])
    socket.is_open.set()
    await first
    assert socket.taken == [b"1", b"2", b"3"]


async def test_run_takes_over_what_a_write_that_was_given_up_left_and_ends_when_nothing_waits(socket: Socket) -> None:
    outgoing = Outgoing(socket.write)
    runner = asyncio.create_task(outgoing.run())
    await asyncio.sleep(0)
    given_up = asyncio.create_task(outgoing.write([b"1", b"2"]))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    socket.is_open.set()
    outgoing.put([b"3"])
    outgoing.end()
    await runner
    assert socket.taken == [b"1", b"2", b"3"]


async def test_an_error_of_the_socket_reaches_who_writes_and_who_runs() -> None:
    async def broken(_: bytes) -> None:
        raise OSError

    outgoing = Outgoing(broken)
    with pytest.raises(OSError):
        await outgoing.write([b"1"])
    with pytest.raises(OSError):
        await outgoing.run()


async def test_a_peer_that_does_not_read_takes_no_memory(socket: Socket) -> None:
    outgoing = Outgoing(socket.write)
    outgoing.put([b"x"] * MAX_WAITING)
    assert not outgoing.is_overrun
    outgoing.put([b"x"] * MAX_WAITING)
    assert outgoing.is_overrun
    socket.is_open.set()
    await outgoing.write([])
    assert len(socket.taken) == MAX_WAITING
