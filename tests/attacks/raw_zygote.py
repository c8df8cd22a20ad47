"""A zygote of the attacks' own: the production loop and lockdown, without the language layer. Run by a supervisor, never by hand.

``raw_zygote.py [--without LAYERS] DESCRIPTOR``. Its children are what a pair becomes that has broken out of the source rules: all of
Python, with the modules an attacker wants already loaded, behind the product's own lockdown. A worker takes a script (DATA) or a pair's
module (MESSAGE), a gate takes a script; see `worker` and `gate`. ``--without`` leaves layers out (names with commas), for `make soak`.
"""

# The imports are what attackers are given: late imports fail in a locked child.
# ruff: noqa: F401
from __future__ import annotations

import _thread
import array
import asyncio
import ctypes
import ctypes.util
import encodings.idna
import errno
import fcntl
import gc
import glob
import http.client
import inspect
import json
import marshal
import mmap
import multiprocessing
import multiprocessing.popen_fork
import os
import pathlib
import pickle
import platform
import pty
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import tty
import urllib.request
from typing import Any

import numpy as np
import numpy.ctypeslib
import numpy.f2py
import numpy.lib.format
import numpy.testing
import scipy.io
import scipy.linalg
import scipy.special

import sandbox.wire.link
from sandbox.control import Control
from sandbox.lockdown import identity, landlock, limits, namespaces, seccomp, selftest
from sandbox.nursery import Nursery, Roles
from sandbox.pipe import Pipe
from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import Compiled, GateReady, Isolation, Message, Program, WorkerReady, host_to_worker

MACHINE_CODE = b"\xcd\x80\xc3"
"""int 0x80; ret: the 32-bit door to the kernel."""
_PAGE = 4096


def machine_code() -> int:
    """The address of a page that holds :data:`MACHINE_CODE`, which a locked child could not make. 0 where the code means nothing."""
    if platform.machine() != "x86_64":
        return 0
    page = mmap.mmap(-1, _PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    page.write(MACHINE_CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    KEPT.append(page)
    libc = ctypes.CDLL(None)
    is_made = libc.mprotect(ctypes.c_void_p(address), _PAGE, mmap.PROT_READ | mmap.PROT_EXEC) == 0
    return address if is_made else 0


KEPT: list[mmap.mmap] = []
CODE = machine_code()


def name_of(error: BaseException) -> str:
    """What a script raised, in one word."""
    if isinstance(error, OSError) and error.errno is not None and type(error) is not socket.gaierror:
        return errno.errorcode.get(error.errno, str(error.errno))
    return type(error).__name__


def perform(source: str, params: dict[str, Any]) -> str:
    """Run a script: ``reached …`` when it got what it wanted, ``useless`` when it came back without, ``raised …``."""
    scope: dict[str, Any] = {"__name__": "script"}
    try:
        exec(compile(source, "<script>", "exec"), scope)  # noqa: S102
        data = np.arange(60.0).reshape(20, 3)
        found = scope["run"](data, {**params, "code": CODE})
    except BaseException as error:  # noqa: BLE001 - what the script meant to do is over, however it ended
        return f"raised {name_of(error)}"
    return f"reached {found!r}"[:500] if found else "useless"


def perform_module(source: str) -> str:
    """Run a pair's remote module with no rules at all: its step `ask`, with handles that do nothing."""
    scope: dict[str, Any] = {"__name__": "pair"}
    try:
        exec(compile(source, "<pair>", "exec"), scope)  # noqa: S102
        found = scope["ask"](Anything(), 1)
    except BaseException as error:  # noqa: BLE001
        return f"raised {name_of(error)}"
    return "useless" if found is None or found is False or type(found) is dict else f"reached {found!r}"[:500]


class Anything:
    """Rows without rules: every method is there and answers nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def worker(pipe: Pipe, isolation: Isolation) -> None:
    """A DATA frame is a script with `run(data, params)`; a Program is one with `run(channel_fd)`, attached to a gate first."""
    pipe.send(WorkerReady(isolation))
    frame = pipe.receive()
    if frame.kind is Kind.DATA:
        request = json.loads(frame.payload)
        outcome = perform_module(request["source"]) if request["is_module"] else perform(request["source"], request["params"])
        pipe.send_frame(Frame(Kind.DATA, outcome.encode()))
        return
    program = host_to_worker.decode(frame.payload)
    if isinstance(program, Program):
        pipe.send(Compiled())
        speak(program.source)


def gate(pipe: Pipe, region: mmap.mmap, isolation: Isolation) -> None:
    """A gate that was taken over: it runs the script it is sent, `run(channel_fd)`."""
    pipe.send(GateReady(isolation))
    speak(pipe.receive().payload)


def speak(source: bytes) -> None:
    """Run a script that speaks raw bytes on the channel; what it raises ends the process.

    So that scripts are short, they find two functions: `receive()` reads one frame, `frame(payload, kind)` makes one.
    """
    scope: dict[str, Any] = {"__name__": "script", "receive": Pipe().receive, "frame": frame}
    exec(compile(source, "<script>", "exec"), scope)  # noqa: S102
    scope["run"](3)


def frame(payload: bytes | Message, kind: int = Kind.MESSAGE) -> bytes:
    """A well-formed frame."""
    return Frame(Kind(kind), payload if isinstance(payload, bytes) else encode(payload)).to_bytes()


def nothing(*_: object) -> None:
    """In place of a mechanism, or of a self-test that would find that one is missing."""


BREAKS: dict[str, list[tuple[object, str, object]]] = {
    "seccomp": [(seccomp, "install", nothing)],
    "landlock": [(landlock, "deny_all", lambda: 0)],
    "namespaces": [(namespaces, "make_empty_root", lambda: namespaces.NO_ROOT)],
    "rlimits": [(limits, "apply", nothing)],
    "identity": [
        (identity, "become_nobody", nothing),
        (identity, "drop_bounding_set", nothing),
        (identity, "give_up_capabilities", nothing),
        (identity, "forbid_dump", nothing),
    ],
}
SELF_TESTS = ("check_identity", "check_state", "check_filter")


def main() -> None:
    """Break what is to be broken, then serve."""
    if sys.argv[1] == "--without":
        for layer in sys.argv[2].split(","):
            for module, name, instead in BREAKS[layer]:
                setattr(module, name, instead)
        for name in SELF_TESTS:
            setattr(selftest, name, nothing)
    Nursery(Control(socket.socket(fileno=int(sys.argv[-1]))), Roles(gate, worker, lambda: None)).serve()


if __name__ == "__main__":
    main()
