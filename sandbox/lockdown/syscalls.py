"""System call numbers, per architecture. Data and look-ups, no calls.

x86_64 numbers are those of ``asm/unistd_64.h``, aarch64 numbers those of ``asm-generic/unistd.h``. Only calls that a plan or a mechanism
names are here: what is not listed is killed without having a name.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Architecture:
    """One instruction set. `audit` is its AUDIT_ARCH word; `x32_bit` marks the second call table of x86_64 (0: there is none)."""

    name: str
    audit: int
    x32_bit: int
    column: int


X86_64: Final = Architecture("x86_64", 0xC000003E, 0x40000000, 0)
AARCH64: Final = Architecture("aarch64", 0xC00000B7, 0, 1)
ARCHITECTURES: Final = (X86_64, AARCH64)

_NUMBERS: Final[dict[str, tuple[int, int]]] = {
    # name: (x86_64, aarch64)
    "brk": (12, 214),
    "capget": (125, 90),
    "capset": (126, 91),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "clone": (56, 220),
    "clone3": (435, 435),
    "close": (3, 57),
    "close_range": (436, 436),
    "dup": (32, 23),
    "execve": (59, 221),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "fcntl": (72, 25),
    "fstat": (5, 80),
    "futex": (202, 98),
    "getcpu": (309, 168),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "ioctl": (16, 29),
    "kill": (62, 129),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lseek": (8, 62),
    "madvise": (28, 233),
    "mbind": (237, 235),
    "mlock2": (325, 284),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "nanosleep": (35, 101),
    "newfstatat": (262, 79),
    "openat": (257, 56),
    "prctl": (157, 167),
    "pread64": (17, 67),
    "prlimit64": (302, 261),
    "ptrace": (101, 117),
    "read": (0, 63),
    "recvmsg": (47, 212),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "seccomp": (317, 277),
    "sendmsg": (46, 211),
    "sigaltstack": (131, 132),
    "socket": (41, 198),
    "statx": (332, 291),
    "sysinfo": (99, 179),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "uname": (63, 160),
    "unshare": (272, 97),
    "write": (1, 64),
}


def number(name: str, architecture: Architecture) -> int:
    """The number of call `name`."""
    return _NUMBERS[name][architecture.column]


def this_architecture() -> Architecture:
    """The architecture of this process; raises :class:`OSError` for one without a table, so that nothing runs unlocked there."""
    machine = platform.machine()
    for architecture in ARCHITECTURES:
        if architecture.name == machine:
            return architecture
    raise OSError(f"no system call table for {machine}")
