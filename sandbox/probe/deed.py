"""A deed: something that a locked child must not be able to do, as a function that returns when it got through.

The same deed is tried in a plain child, its control: a deed that nobody can do here proves nothing. Where the deed itself would do harm
there, the plain child does its harmless twin. Pure bookkeeping; the deeds are in :mod:`sandbox.probe.deeds`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Attempt: TypeAlias = Callable[[], object]
Role: TypeAlias = Literal["worker", "gate"]
EVERY_ROLE: Final[tuple[Role, ...]] = ("worker", "gate")

CHANNEL: Final = 3
"""A socket in the plain child as well, so that what a deed does to a channel has a control."""
FOREIGN: Final = 5
"""A file that is open in the plain child, as one that a worker might have inherited."""
HOST: Final = os.getppid()
"""The process that started this program: of a plain child, or of the zygote that locked children are forked from."""
PROGRAM: Final = os.getpid()
IS_X86: Final = platform.machine() == "x86_64"

_REFUSALS: Final = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EBADF, errno.ENOMEM, errno.EAFNOSUPPORT, errno.EMFILE, errno.EAGAIN}
)
"""Errors that mean that a call was not carried out. Any other is about its arguments: the call was looked at."""
_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class NotFound(Exception):
    """The deed looked for something of the host's and it is not there."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed. `is_required`: the report fails when not even a plain child can do it."""

    name: str
    group: str
    title: str
    attempt: Attempt
    twin: Attempt
    is_required: bool
    roles: tuple[Role, ...]


class Group:
    """The deeds of one kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.deeds: list[Deed] = []

    def deed(
        self, title: str, *, twin: Attempt | None = None, required: bool = False, roles: tuple[Role, ...] = EVERY_ROLE
    ) -> Callable[[Attempt], Attempt]:
        """Decorator: the function is a deed of this group, named after it."""

        def add(attempt: Attempt) -> Attempt:
            name = getattr(attempt, "__name__", "").strip("_")
            self.deeds.append(Deed(name, self.name, title, attempt, twin or attempt, required, roles))
            return attempt

        return add

    def call(self, name: str, title: str, numbers: tuple[int, int], *arguments: object, **options: bool) -> None:
        """Add a deed that is one system call, given by its numbers on x86_64 and aarch64; -1: there is none."""
        number = numbers[0] if IS_X86 else numbers[1]
        if number < 0:
            return

        def attempt() -> None:
            raw(number, *arguments)

        attempt.__name__ = name
        self.deed(title, required=options.get("required", False))(attempt)


def raw(number: int, *arguments: object) -> int:
    """A system call by number. Returns also when the kernel found fault with the arguments: the call itself was open to us."""
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *values)
    code = ctypes.get_errno()
    if result < 0 and code in _REFUSALS:
        raise OSError(code, os.strerror(code))
    return result


def outcome_of(attempt: Attempt) -> str:
    """Try it: `done`, or what stood in the way: the name of an errno or of an exception."""
    try:
        attempt()
    except socket.gaierror:
        return "no name service"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, f"errno {error.errno}")
    except (MemoryError, RuntimeError) as error:
        return type(error).__name__
    except NotFound:
        return "not there"
    return "done"
