"""A zygote of the tests' own whose gates give up on the first frame that they are sent: they say why, and end."""

from __future__ import annotations

import mmap
import socket
import sys

from sandbox.control import Control
from sandbox.errors import Code
from sandbox.nursery import Nursery, Roles
from sandbox.pipe import Pipe
from sandbox.wire.messages import GateFailed, GateReady, Isolation
from sandbox.worker.serve import serve

ENTRY = b'{"job":"job","participant":"central","kind":"failure","code":"limit.memory"}'


def gate(pipe: Pipe, region: mmap.mmap, isolation: Isolation) -> None:
    """As a gate that runs out of memory does."""
    pipe.send(GateReady(isolation))
    pipe.receive()
    pipe.send(GateFailed(Code.LIMIT_MEMORY, ENTRY))


Nursery(Control(socket.socket(fileno=int(sys.argv[-1]))), Roles(gate, serve, lambda: None)).serve()
