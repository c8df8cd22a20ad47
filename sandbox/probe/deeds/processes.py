"""Other processes: starting them, signalling them, looking into them; and what a process was given at its start."""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import time
from typing import Final

from sandbox.probe.deed import HOST, IS_X86, PROGRAM, Group, NotFound, raw

PROCESSES: Final = Group("processes")
MARK: Final = "TIDEGATE_PROBE"
"""A variable that the report puts into its own environment, as a secret of the host would be."""
_TRUE: Final = "/bin/true"
_PAGE: Final = 4096
_FUTEX: Final = 202 if IS_X86 else 98
_STACK_PAGES: Final = 64


@PROCESSES.deed("fork", required=True)
def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@PROCESSES.deed("start a thread", required=True)
def _start_thread() -> None:
    _thread.start_new_thread(int, ())


def _execute_in_a_child() -> None:
    if os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn(_TRUE, [_TRUE], {}), 0)[1]) != 0:
        raise RuntimeError


@PROCESSES.deed("run a program", twin=_execute_in_a_child, required=True)
def _execute() -> None:
    os.execv(_TRUE, [_TRUE])  # noqa: S606 - the point of it


@PROCESSES.deed("run a program in a new process", required=True)
def _spawn() -> None:
    os.waitpid(os.posix_spawn(_TRUE, [_TRUE], {}), 0)


def _signal_a_child() -> None:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@PROCESSES.deed("send a signal to its host", twin=_signal_a_child, required=True)
def _signal_the_host() -> None:
    os.kill(HOST, 0)


@PROCESSES.deed("send a signal to its zygote", required=True)
def _signal_the_zygote() -> None:
    os.kill(PROGRAM, 0)


@PROCESSES.deed("send a signal to everybody", twin=_signal_a_child)
def _signal_everybody() -> None:
    os.kill(-1, 0)


@PROCESSES.deed("read its environment", required=True)
def _read_the_environment() -> None:
    if MARK not in os.environ:
        raise NotFound


@PROCESSES.deed("find the environment of its host on its stack", required=True)
def _find_the_environment() -> None:
    # The kernel puts arguments and environment there at exec, and every fork inherits them.
    first = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value or 0
    page = first - first % _PAGE
    for number in range(_STACK_PAGES):
        address = page + number * _PAGE
        if not _is_mapped(address):
            break
        if MARK.encode() in ctypes.string_at(address, _PAGE):
            return
    raise NotFound


def _is_mapped(address: int) -> bool:
    """Ask without touching: a futex that waits for no time, on a value that is or is not there, fails otherwise for a bad address."""
    timeout = (ctypes.c_long * 2)(0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(ctypes.c_long(_FUTEX), ctypes.c_long(address), 0, 1, timeout, None, 0)
    return ctypes.get_errno() != 14  # EFAULT


@PROCESSES.deed("become traceable")
def _become_traced() -> None:
    raw(101 if IS_X86 else 117, 0, 0, 0, 0)


# Of a process that cannot exist: tracing one that does would stop it.
PROCESSES.call("trace_another", "trace another process", (101, 117), 16, 0x7FFFFFFF, 0, 0)
PROCESSES.call("read_another_memory", "read the memory of another process", (310, 270), HOST, None, 0, None, 0, 0)
PROCESSES.call("write_another_memory", "write the memory of another process", (311, 271), HOST, None, 0, None, 0, 0)
PROCESSES.call("open_a_pidfd", "open a handle of a process", (434, 434), PROGRAM, 0, required=True)
PROCESSES.call("clone3", "start a process by clone3", (435, 435), None, 0)
PROCESSES.call("signal_a_thread", "send a signal to a thread", (234, 131), -1, -1, 0)
PROCESSES.call("queue_a_signal", "queue a signal", (129, 138), PROGRAM, 0, None)
PROCESSES.call("handle_a_signal", "install a signal handler", (13, 134), signal.SIGUSR1, None, None, 8)
PROCESSES.call("set_a_timer", "set a timer", (38, 103), 0, None, None)
PROCESSES.call("compare_processes", "compare two processes", (312, 272), PROGRAM, PROGRAM, 99, 0, 0)
PROCESSES.call("change_priority", "change its priority", (141, 140), 0, 0, 0)
PROCESSES.call("choose_processors", "choose its processors", (203, 122), 0, 0, None)
PROCESSES.call("sleep", "sleep", (230, 115), 0, 0, None, None)
