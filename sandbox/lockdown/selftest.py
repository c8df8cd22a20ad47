"""The self-test of a locked child: what it should not be able to do, tried. Child side only.

A layer that is merely installed proves nothing, so each is asked for its effect. The first half looks at what the filter of system calls
would hide and runs before it; the second half tries forbidden calls, with arguments that do no harm should one of them go through and that
the kernel, unfiltered, would answer differently.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from dataclasses import dataclass
from typing import Final

from sandbox.lockdown import descriptors, identity, limits
from sandbox.lockdown.kernel import Argument, call
from sandbox.lockdown.plan import CHANNEL, Plan


class SelfTestError(Exception):
    """A layer does not hold: the child must not serve."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A call that the filter must answer with `error`."""

    name: str
    arguments: tuple[Argument, ...]
    error: int = errno.EPERM


_HERE: Final = -100  # AT_FDCWD
_PAGE: Final = 4096
_PRIVATE: Final = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
_SHARED: Final = 0x21
_READ_WRITE: Final = 3
_READ_EXECUTE: Final = 5
_NO_DESCRIPTOR: Final = 99


def check_identity() -> None:
    """This is not root. Before namespaces, in which root would look like nobody; raises :class:`SelfTestError`."""
    if 0 in (*os.getresuid(), *os.getresgid()):
        raise SelfTestError("this is still root")


def check_state(plan: Plan) -> None:
    """Identity, limits and descriptors are as planned. Before the filter; raises :class:`SelfTestError`."""
    if not identity.is_unprivileged():
        raise SelfTestError("privileges are left")
    if not limits.hold((*plan.limits, *plan.late_limits)):
        raise SelfTestError("a limit does not hold")
    if not descriptors.only_channel_is_open():
        raise SelfTestError("another descriptor is open")


def check_filter(plan: Plan) -> None:
    """Forbidden calls fail, and fail as the filter makes them fail. After the filter; raises :class:`SelfTestError`."""
    for attempt in _attempts(plan):
        if _outcome(attempt) != attempt.error:
            raise SelfTestError(f"{attempt.name} is not refused")


def _attempts(plan: Plan) -> tuple[_Attempt, ...]:
    empty = ctypes.create_string_buffer(1)
    path = ctypes.create_string_buffer(os.devnull.encode())
    of_the_role = {
        "gate": _Attempt("recvmsg", (_NO_DESCRIPTOR, None, 0)),
        "worker": _Attempt("close", (_NO_DESCRIPTOR,)),
    }
    return (
        _Attempt("getppid", ()),  # cannot fail unfiltered
        _Attempt("openat", (_HERE, path, os.O_RDONLY, 0)),
        _Attempt("socket", (1, 1, 0)),
        _Attempt("clone", (int(signal.SIGCHLD), 0, 0, 0, 0)),
        _Attempt("execve", (empty, None, None)),  # ENOENT unfiltered
        _Attempt("kill", (0, 0)),  # the group of this process is this process alone
        _Attempt("sendmsg", (CHANNEL, None, 0)),  # EFAULT unfiltered
        _Attempt("write", (CHANNEL - 1, empty, 0), errno.EBADF),  # /dev/null takes it unfiltered
        _Attempt("read", (CHANNEL - 1, empty, 0), errno.EBADF),
        _Attempt("mmap", (0, _PAGE, _READ_EXECUTE, _PRIVATE, -1, 0)),
        _Attempt("mmap", (0, _PAGE, _READ_WRITE, _SHARED, -1, 0)),
        _Attempt("mprotect", (0, _PAGE, _READ_WRITE)),  # ENOMEM unfiltered
        of_the_role[plan.role],
    )


def _outcome(attempt: _Attempt) -> int:
    """The errno of the attempt, 0 if it succeeded."""
    try:
        result = call(attempt.name, *attempt.arguments)
    except OSError as error:
        return error.errno or 0
    if attempt.name == "clone" and result == 0:
        os._exit(0)  # the filter is missing and this is the child that should not exist
    return 0
