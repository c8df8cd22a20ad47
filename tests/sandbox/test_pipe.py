"""A child's end of a channel, over a real socket pair."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from sandbox.errors import Code, LimitError, PeerError
from sandbox.pipe import Pipe
from sandbox.wire.frames import HEADER, MAGIC, VERSION, Frame, Kind
from sandbox.wire.messages import AttachWorker, KeepImputation, Wipe, host_to_gate


@pytest.fixture
def ends() -> Iterator[tuple[Pipe, socket.socket]]:
    ours, theirs = socket.socketpair()
    pipe = Pipe(ours.detach(), max_length=1 << 20)
    with theirs:
        yield pipe, theirs
    pipe.close()


def test_frames_arrive_as_they_were_sent(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    frames = [Frame(Kind.DATA, os.urandom(size), sequence) for sequence, size in enumerate((0, 1, 900_000))]
    sender = threading.Thread(target=lambda: other.sendall(b"".join(frame.to_bytes() for frame in frames)))
    sender.start()
    assert [pipe.receive() for _ in frames] == frames
    sender.join()


def test_large_frame_is_sent_as_a_whole(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    frame = Frame(Kind.DATA, os.urandom(900_000))
    sender = threading.Thread(target=pipe.send_frame, args=(frame,))
    sender.start()
    received = b""
    while len(received) < HEADER.size + 900_000:
        received += other.recv(1 << 20)
    sender.join()
    assert received == frame.to_bytes()


def test_message_is_one_frame(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    pipe.send(AttachWorker())
    header, payload = other.recv(HEADER.size), other.recv(1 << 16)
    assert HEADER.unpack(header) == (MAGIC, VERSION, Kind.MESSAGE, 0, len(payload))
    assert host_to_gate.decode(payload) == AttachWorker()


def test_messages_that_are_sent_together_arrive_one_by_one(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    messages = [KeepImputation(), AttachWorker(), Wipe()]
    pipe.send(*messages)
    peer = Pipe(other.fileno())
    assert [host_to_gate.decode(peer.receive().payload) for _ in messages] == messages


def test_frame_above_the_limit_is_refused_on_its_header(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    other.sendall(HEADER.pack(MAGIC, VERSION, Kind.DATA, 0, (1 << 20) + 1))
    with pytest.raises(LimitError) as caught:
        pipe.receive()
    assert caught.value.code is Code.LIMIT_FRAME


def test_bytes_that_are_no_frame_are_refused(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    other.sendall(b"x" * HEADER.size)
    with pytest.raises(PeerError):
        pipe.receive()


@pytest.mark.parametrize("sent", [b"", Frame(Kind.DATA, b"half").to_bytes()[:5], Frame(Kind.DATA, b"half").to_bytes()[:-1]])
def test_end_of_file_is_an_end_wherever_it_comes(ends: tuple[Pipe, socket.socket], sent: bytes) -> None:
    pipe, other = ends
    other.sendall(sent)
    other.close()
    with pytest.raises(EOFError):
        pipe.receive()


def test_descriptor_after_a_frame_is_not_lost_however_the_bytes_arrive(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    read, write = os.pipe()
    other.sendall(Frame(Kind.DATA, b"a descriptor follows").to_bytes())
    socket.send_fds(other, [b"F"], [write])
    other.sendall(Frame(Kind.DATA, b"and a frame").to_bytes())
    assert pipe.receive().payload == b"a descriptor follows"
    received = pipe.receive_descriptor()
    assert pipe.receive().payload == b"and a frame"
    os.write(received, b"it works")
    assert os.read(read, 100) == b"it works"
    for descriptor in (read, write, received):
        os.close(descriptor)


def test_byte_without_a_descriptor_is_an_end(ends: tuple[Pipe, socket.socket]) -> None:
    pipe, other = ends
    other.sendall(b"F")
    with pytest.raises(EOFError):
        pipe.receive_descriptor()
