"""A host's end of a channel, over a real socket pair, on asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Coroutine

import pytest
import uvloop

from sandbox.channel import MANY_FRAMES, Channel
from sandbox.errors import Code, LimitError, PeerError
from sandbox.wire.frames import HEADER, MAGIC, VERSION, Frame, Kind

Test = Callable[[Channel, socket.socket], Coroutine[None, None, None]]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
on_both_loops = pytest.mark.parametrize("loop", LOOPS)


def run(loop: str, test: Test) -> None:
    """Run `test` with a channel and the plain socket at its other end."""

    async def body() -> None:
        ours, theirs = socket.socketpair()
        with theirs, contextlib.closing(Channel(ours, ended=Code.WORKER_DIED, max_length=1 << 20)) as channel:
            await test(channel, theirs)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(asyncio.wait_for(body(), 20))


@on_both_loops
def test_frames_arrive_as_they_were_sent(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        frames = [Frame(Kind.DATA, os.urandom(size), sequence) for sequence, size in enumerate((0, 1, 900_000))]
        sender = threading.Thread(target=lambda: other.sendall(b"".join(frame.to_bytes() for frame in frames)))
        sender.start()
        assert [await channel.receive() for _ in frames] == frames
        sender.join()

    run(loop, test)


@on_both_loops
def test_frames_of_many_senders_are_not_mixed(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        payloads = [bytes([number]) * 200_000 for number in range(8)]
        with contextlib.closing(Channel(other.dup(), ended=Code.GATE_DIED)) as echo:
            sending = [asyncio.create_task(channel.send_frame(Frame(Kind.DATA, payload))) for payload in payloads]
            assert sorted([(await echo.receive()).payload for _ in payloads]) == payloads
            await asyncio.gather(*sending)

    run(loop, test)


@on_both_loops
def test_cancelled_receive_loses_nothing(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        data = Frame(Kind.DATA, b"all of it").to_bytes()
        for piece in (data[:5], data[5:15]):
            other.sendall(piece)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(channel.receive(), 0.02)
        other.sendall(data[15:])
        assert (await channel.receive()).payload == b"all of it"

    run(loop, test)


@on_both_loops
def test_send_after_one_that_was_cut_short_is_refused(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(channel.send_frame(Frame(Kind.DATA, bytes(1 << 20))), 0.05)
        with pytest.raises(PeerError):
            await channel.send_frame(Frame(Kind.DATA))

    run(loop, test)


@on_both_loops
def test_peer_that_floods_cannot_starve_the_loop(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        stop = threading.Event()

        def flood() -> None:
            while not stop.is_set():
                try:
                    other.send(Frame(Kind.END).to_bytes() * 1000)
                except OSError:
                    return

        flooding = threading.Thread(target=flood)
        flooding.start()

        async def drain() -> None:
            while True:
                await channel.receive()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(drain(), 0.1)
        stop.set()
        channel.close()
        flooding.join()

    run(loop, test)


@on_both_loops
def test_frame_above_the_limit_is_refused_on_its_header(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        other.sendall(HEADER.pack(MAGIC, VERSION, Kind.DATA, 0, (1 << 20) + 1))
        with pytest.raises(LimitError):
            await channel.receive()

    run(loop, test)


@on_both_loops
def test_bytes_that_are_no_frame_are_refused(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        other.sendall(b"x" * HEADER.size)
        with pytest.raises(PeerError):
            await channel.receive()

    run(loop, test)


@on_both_loops
def test_the_end_of_the_peer_is_told_to_whoever_receives(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        waiting = asyncio.create_task(channel.receive())
        await asyncio.sleep(0)
        other.close()
        with pytest.raises(PeerError) as caught:
            await waiting
        assert caught.value.code is Code.WORKER_DIED

    run(loop, test)


@on_both_loops
@pytest.mark.parametrize("has_read", [True, False], ids=["after it read", "with something unread"])
def test_what_a_peer_said_last_is_heard_by_whoever_writes_to_it_after_its_end(loop: str, has_read: bool) -> None:
    """The kernel tells such a write in two ways: a broken pipe, or a reset where the peer left something unread."""

    async def test(channel: Channel, other: socket.socket) -> None:
        await channel.send_frame(Frame(Kind.DATA, b"a question"))
        if has_read:
            other.recv(1 << 16)
        other.sendall(Frame(Kind.DATA, b"why I end").to_bytes() + Frame(Kind.END).to_bytes())
        other.close()
        await channel.send_frame(Frame(Kind.DATA, bytes(1 << 20)))
        await channel.send_frame(Frame(Kind.DATA))
        assert channel.peer_is_gone
        assert [await channel.receive() for _ in range(2)] == [Frame(Kind.DATA, b"why I end"), Frame(Kind.END)]
        with pytest.raises(PeerError) as caught:
            await channel.receive()
        assert caught.value.code is Code.WORKER_DIED

    run(loop, test)


@on_both_loops
def test_a_peer_that_ends_in_the_middle_of_a_long_frame_is_heard_too(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        sending = asyncio.create_task(channel.send_frame(Frame(Kind.DATA, bytes(8 << 20))))
        await asyncio.sleep(0)
        assert other.recv(1, socket.MSG_PEEK), "it has begun"
        other.sendall(Frame(Kind.DATA, b"why I end").to_bytes())
        other.close()
        await sending
        assert channel.peer_is_gone
        assert (await channel.receive()).payload == b"why I end"

    run(loop, test)


@on_both_loops
def test_an_end_that_leaves_something_unread_is_told_after_what_was_said_last(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        await channel.send_frame(Frame(Kind.DATA, b"unread"))
        other.sendall(Frame(Kind.DATA, b"why I end").to_bytes())
        other.close()
        assert (await channel.receive()).payload == b"why I end"
        waiting = asyncio.create_task(channel.receive())
        await asyncio.sleep(0)
        channel.peer_ended()
        with pytest.raises(PeerError):
            await waiting

    run(loop, test)


@on_both_loops
def test_what_a_peer_said_last_is_heard_by_whoever_hands_it_a_worker_after_its_end(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        other.sendall(Frame(Kind.DATA, b"why I end").to_bytes())
        other.close()
        ours, theirs = socket.socketpair()
        with theirs, contextlib.closing(Channel(ours, ended=Code.WORKER_DIED)) as worker:
            await channel.hand_over(worker)
            assert worker.is_closed
            assert theirs.recv(1) == b"", "nobody else holds it"
        assert channel.peer_is_gone
        assert (await channel.receive()).payload == b"why I end"

    run(loop, test)


@on_both_loops
def test_nothing_is_sent_on_a_closed_channel(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        channel.close()
        with pytest.raises(PeerError):
            await channel.send_frame(Frame(Kind.DATA))
        assert not channel.peer_is_gone

    run(loop, test)


@on_both_loops
def test_has_frame_says_whether_the_next_frame_is_there(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        frame = Frame(Kind.DATA, b"abc").to_bytes()
        other.sendall(frame + frame + frame[:-1])
        found = []
        for _ in range(2):
            await channel.receive()
            found.append(channel.has_frame)
        assert found == [True, False]
        other.sendall(frame[-1:] + b"x" * HEADER.size)
        assert (await channel.receive()).payload == b"abc"
        with pytest.raises(PeerError):
            _ = channel.has_frame

    run(loop, test)


@on_both_loops
def test_close_wakes_whoever_waits(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        waiting = [asyncio.create_task(channel.receive()), asyncio.create_task(channel.send_frame(Frame(Kind.DATA, bytes(1 << 20))))]
        await asyncio.sleep(0)
        channel.close()
        channel.close()
        for task in waiting:
            with pytest.raises(PeerError):
                await task

    run(loop, test)


@on_both_loops
def test_second_receiver_is_an_error(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        first = asyncio.create_task(channel.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await channel.receive()
        other.sendall(Frame(Kind.END).to_bytes())
        assert (await first).kind is Kind.END

    run(loop, test)


@on_both_loops
def test_nothing_is_received_from_a_closed_channel(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        channel.close()
        with pytest.raises(PeerError):
            await channel.receive()

    run(loop, test)


@on_both_loops
def test_frames_that_come_in_one_piece_are_received_one_by_one_and_the_loop_goes_on_between_them(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        frames = [Frame(Kind.DATA, bytes([number])) for number in range(50)]
        other.sendall(b"".join(frame.to_bytes() for frame in frames))
        n_turns = 0

        async def turn() -> None:
            nonlocal n_turns
            while True:
                n_turns += 1
                await asyncio.sleep(0)

        turning = asyncio.create_task(turn())
        assert [await channel.receive() for _ in frames] == frames
        turning.cancel()
        assert n_turns >= len(frames) // MANY_FRAMES

    run(loop, test)


@on_both_loops
def test_a_channel_with_part_of_a_frame_is_not_handed_over(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with theirs, contextlib.closing(Channel(ours, ended=Code.WORKER_DIED)) as worker:
            theirs.sendall(Frame(Kind.END).to_bytes() + b"T")
            await worker.receive()
            with pytest.raises(PeerError):
                await channel.hand_over(worker)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.recv(1)

    run(loop, test)


@on_both_loops
def test_a_socket_that_nobody_reads_is_not_watched(loop: str) -> None:
    async def test(channel: Channel, other: socket.socket) -> None:
        other.sendall(Frame(Kind.END).to_bytes())
        await channel.receive()
        other.sendall(b"T")
        async with asyncio.timeout(10):
            while channel._watching is not None:
                await asyncio.sleep(0.01)
        other.sendall(Frame(Kind.END).to_bytes()[1:])
        assert (await channel.receive()).kind is Kind.END

    run(loop, test)
