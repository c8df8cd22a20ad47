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

sys.path.insert(0, str(Path(__file__).parent))

import hostile_deeds

from sandbox.control import Control
from sandbox.lockdown import descriptors, identity, landlock, limits, seccomp
from sandbox.nursery import Nursery, Roles
from sandbox.pipe import Pipe
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import AttachWorker, GateReady, Isolation, WorkerReady

ENVIRONMENT = Path("/proc/self/environ").read_bytes()
LAYER = sys.argv[2] if sys.argv[1] == "--without" else ""


def answer(pipe: Pipe, request: Frame) -> None:
    """Do what a frame says and tell what came of it."""
    word = request.payload.decode()
    if word == "exit":
        os._exit(7)
    elif word == "raise":
        raise ValueError("a value from a data set")
    elif word == "spin":
        while True:
            time.monotonic()
    elif word == "flood":
        while True:
            pipe.send_frame(Frame(Kind.DATA, bytes(1 << 16)))
    elif word == "garbage":
        os.write(pipe.fd, b"x" * 64)
    elif word == "long":
        os.write(pipe.fd, Frame(Kind.DATA).to_bytes()[:8] + b"\xff\xff\xff\xff")
    elif word == "environment":
        pipe.send_frame(Frame(Kind.DATA, ENVIRONMENT))
    elif word.startswith("echo "):
        pipe.send_frame(Frame(Kind.DATA, request.payload[5:]))
    else:
        pipe.send_frame(Frame(Kind.DATA, hostile_deeds.outcome(word).encode()))


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


def leave_out(layer: str) -> None:
    """Break one layer as a fault would: its mechanism says it worked and did nothing."""
    if layer == "seccomp":
        seccomp.install = lambda program: None
    elif layer == "landlock":
        landlock.deny_all = landlock.version
    elif layer == "landlock-in-the-kernel":
        landlock.version = lambda: 0
    elif layer == "limits":
        limits.apply = lambda limits: None
    elif layer == "descriptors":
        descriptors.close_from = lambda first: None
    elif layer == "identity":
        identity.become_nobody = lambda: None
    elif layer == "no-new-privileges":
        identity.forbid_new_privileges = lambda: None
    elif layer == "dump":
        identity.forbid_dump = lambda: None
    elif layer == "a-filter-that-installs":

        def fail(program: bytes) -> None:
            raise OSError(errno.EINVAL, "no filters in this kernel")

        seccomp.install = fail


leave_out(LAYER)
Nursery(Control(socket.socket(fileno=int(sys.argv[-1]))), Roles(gate, worker, lambda: None)).serve()
