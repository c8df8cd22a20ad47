"""Raw system calls, for what Python has no function for. Child side only."""

from __future__ import annotations

import ctypes
import os
from typing import Final, TypeAlias

from sandbox.lockdown.syscalls import number, this_architecture

Argument: TypeAlias = "int | ctypes.Array[ctypes.c_char] | None"

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(name: str, *arguments: Argument) -> int:
    """System call `name`; buffers are passed by address. Raises :class:`OSError` when the kernel refuses."""
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = _libc.syscall(ctypes.c_long(number(name, this_architecture())), *values)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
    return result


def prctl(option: int, value: int = 0) -> int:
    """``prctl(option, value, 0, 0, 0)``."""
    return call("prctl", option, value, 0, 0, 0)
