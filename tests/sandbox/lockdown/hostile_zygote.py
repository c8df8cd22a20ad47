"""A zygote of the tests' own: the production loop and lockdown, with small roles that do what they are told.

``hostile_zygote.py [--without LAYER] DESCRIPTOR``. A DATA frame names a deed and is answered with its outcome.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import sys
import time
from pathlib import Path

from sandbox.control import Control
from sandbox.lockdown import descriptors, identity, landlock, limits, namespaces, seccomp
from sandbox.nursery import Nursery, Roles
from sandbox.pipe import Pipe
from sandbox.probe.catalogue import BY_NAME
from sandbox.probe.deed import outcome_of
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import AttachWorker, GateReady, Isolation, WorkerReady

ENVIRONMENT = Path("/proc/self/environ").read_bytes()
LAYER = sys.argv[2] if sys.argv[1] == "--without" else ""


def end(pipe: Pipe) -> None:
    os._exit(7)


def fail(pipe: Pipe) -> None:
    raise ValueError("a value from a data set")


def spin(pipe: Pipe) -> None:
    while True:
        time.monotonic()


def flood(pipe: Pipe) -> None:
    while True:
        pipe.send_frame(Frame(Kind.DATA, bytes(1 << 16)))


def send_garbage(pipe: Pipe) -> None:
    os.write(pipe.fd, b"x" * 64)


def announce_a_long_frame(pipe: Pipe) -> None:
    os.write(pipe.fd, Frame(Kind.DATA).to_bytes()[:8] + b"\xff\xff\xff\xff")


def take_memory_in_small_pieces() -> None:
    pieces = []
    for _ in range(600 << 4):
        pieces.append(bytes(1 << 16))


def tell_the_environment(pipe: Pipe) -> None:
    pipe.send_frame(Frame(Kind.DATA, ENVIRONMENT))


MISCHIEF = {
    "exit": end,
    "raise": fail,
    "spin": spin,
    "flood": flood,
    "garbage": send_garbage,
    "long": announce_a_long_frame,
    "environment": tell_the_environment,
}
MORE_DEEDS = {"take_memory_in_small_pieces": take_memory_in_small_pieces}


def answer(pipe: Pipe, request: Frame) -> None:
    """Do what a frame says and tell what came of it."""
    word = request.payload.decode()
    if word in MISCHIEF:
        MISCHIEF[word](pipe)
    elif word.startswith("echo "):
        pipe.send_frame(Frame(Kind.DATA, request.payload[5:]))
    else:
        pipe.send_frame(Frame(Kind.DATA, outcome_of(MORE_DEEDS.get(word) or BY_NAME[word].attempt).encode()))


def worker(pipe: Pipe, isolation: Isolation) -> None:
    """Ready, then deeds until the channel ends."""
    if LAYER == "ready":
        pipe.receive()
    pipe.send(WorkerReady(isolation) if LAYER != "protocol" else AttachWorker())
    while True:
        answer(pipe, pipe.receive())


def gate(pipe: Pipe, region: mmap.mmap, isolation: Isolation) -> None:
    """Ready, then deeds; `rows` uses the region, `attach` takes a worker's channel, `ask` passes a word on to that worker."""
    pipe.send(GateReady(isolation))
    attached = pipe
    while True:
        request = pipe.receive()
        word = request.payload.decode()
        if word == "rows":
            region[-8:] = region[:8] = b"8 bytes!"
            pipe.send_frame(Frame(Kind.DATA, region[-8:]))
        elif word == "attach":
            attached = Pipe(pipe.receive_descriptor())
            pipe.send_frame(Frame(Kind.DATA, str(attached.fd).encode()))
        elif word.startswith("ask "):
            try:
                attached.send_frame(Frame(Kind.DATA, request.payload[4:]))
                pipe.send_frame(attached.receive())
            except (EOFError, OSError):
                os.close(attached.fd)
                pipe.send_frame(Frame(Kind.DATA, b"the worker is gone"))
        else:
            answer(pipe, request)


def install_nothing(program: bytes) -> None:
    raise OSError(errno.EINVAL, "no filters in this kernel")


BREAKS = {
    # Each as a fault would: the mechanism says that it worked, and did nothing.
    "seccomp": (seccomp, "install", lambda program: None),
    "landlock": (landlock, "deny_all", landlock.version),
    "landlock-in-the-kernel": (landlock, "version", lambda: 0),
    "namespaces": (namespaces, "enter", lambda root: True),
    "namespaces-in-the-kernel": (namespaces, "make_empty_root", lambda: namespaces.NO_ROOT),
    "limits": (limits, "apply", lambda limits: None),
    "descriptors": (descriptors, "close_from", lambda first: None),
    "identity": (identity, "become_nobody", lambda: None),
    "no-new-privileges": (identity, "forbid_new_privileges", lambda: None),
    "dump": (identity, "forbid_dump", lambda: None),
    # This one says so.
    "a-filter-that-installs": (seccomp, "install", install_nothing),
}

if LAYER in BREAKS:
    setattr(*BREAKS[LAYER])
Nursery(Control(socket.socket(fileno=int(sys.argv[-1]))), Roles(gate, worker, lambda: None)).serve()
