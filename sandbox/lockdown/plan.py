"""What a child may do, as data. Pure: the mechanisms beside this file carry a plan out, `sequence` says in which order.

The call lists were found by removing one call at a time under the work that gates and workers do; each odd row says why it is there.
What no rule names kills the process.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ResourceName: TypeAlias = Literal["AS", "CORE", "CPU", "DATA", "FSIZE", "MSGQUEUE", "NOFILE", "NPROC", "STACK"]

CHANNEL: Final = 3
"""The descriptor of a child's channel; everything below is /dev/null."""
REGION: Final = 4
"""The descriptor of a gate's rows until they are mapped."""
GATE_LAST_DESCRIPTOR: Final = 8
GATE_FILES: Final = 16
WORKER_FILES: Final = CHANNEL + 1

GATE_DATA_BYTES: Final = 1536 << 20
"""Private memory of a gate. The rows do not count: they are in the shared region."""
STACK_BYTES: Final = 8 << 20
"""The stack does not count as data, and where a host runs without a limit on it, it would grow over the whole headroom."""
HEADROOM_BYTES: Final = 2 << 30
"""Address space beyond data and region: code and the zygote's own maps are some 500 MB, and a wide limit costs nothing."""

PROT_EXEC: Final = 0x4
MAP_SHARED: Final = 0x1
MAP_GROWSDOWN: Final = 0x100


@dataclass(frozen=True, slots=True)
class InRange:
    """Argument `argument` (low word) must be within `low` and `high`."""

    argument: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class NoBits:
    """Argument `argument` (low word) must have none of the bits of `mask`."""

    argument: int
    mask: int


Check: TypeAlias = InRange | NoBits


@dataclass(frozen=True, slots=True)
class Allow:
    """Call `name` is carried out when all `checks` hold; else it fails with `otherwise`."""

    name: str
    checks: tuple[Check, ...] = ()
    otherwise: int = errno.EPERM


@dataclass(frozen=True, slots=True)
class Refuse:
    """Call `name` fails with `error` instead of killing: libraries and the interpreter really try it on paths that must survive."""

    name: str
    error: int = errno.EPERM


Rule: TypeAlias = Allow | Refuse


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that locks one child in. Limits are hard and soft at once; `late_limits` come after threads were started."""

    role: Literal["gate", "worker"]
    limits: tuple[tuple[ResourceName, int], ...]
    late_limits: tuple[tuple[ResourceName, int], ...]
    rules: tuple[Rule, ...]


_MEMORY: Final = (
    # A shared or a downward growing map does not count for RLIMIT_DATA: 700 MB were taken under a limit of 512.
    Allow("mmap", (NoBits(2, PROT_EXEC), NoBits(3, MAP_SHARED | MAP_GROWSDOWN))),
    Allow("munmap"),
    Allow("mremap"),  # realloc of large blocks
    Allow("brk"),
    Allow("madvise"),
)
_RUN: Final = (
    Allow("futex"),
    Allow("exit_group"),
    Allow("exit"),  # the end of a BLAS thread
    Allow("sched_yield"),  # BLAS threads wait with it
    Allow("getrandom"),  # hash seeds and SeedSequence
    Allow("rt_sigreturn"),
    Allow("rt_sigprocmask"),  # OpenBLAS, when its threads end
    Allow("clock_gettime"),  # where the vdso has no clock
    Allow("restart_syscall"),
)
_REFUSED: Final = (
    # Filled memory made read-only no longer counts for RLIMIT_DATA, and the kernel may forget to count it when it is writable again: 1.5 GB
    # were taken under a limit of 512 MB. The allocator does without.
    Refuse("mprotect"),
    Refuse("openat"),  # linecache opens sources for a traceback; warnings do too
    Refuse("newfstatat"),
    Refuse("statx"),
    Refuse("ioctl"),
    Refuse("fstat"),
    Refuse("lseek"),
    Refuse("fcntl"),
    Refuse("dup"),
    Refuse("pread64"),
    Refuse("sysinfo"),
    Refuse("getcpu"),
    Refuse("sched_getaffinity"),
    Refuse("uname"),
    Refuse("getpid"),
    Refuse("gettid"),
    Refuse("getppid"),
    Refuse("getuid"),
    Refuse("prctl"),
    Refuse("prlimit64"),
    Refuse("getrusage"),
    Refuse("nanosleep"),
    Refuse("clock_nanosleep"),
    Refuse("mbind"),  # OpenBLAS with two threads
    Refuse("rt_sigaction"),
    Refuse("sigaltstack"),
    Refuse("kill"),
    Refuse("tkill"),
    Refuse("tgkill"),
    Refuse("socket"),
    Refuse("sendmsg"),
    Refuse("execve"),
    Refuse("ptrace"),
    Refuse("clone"),
    Refuse("clone3", errno.ENOSYS),  # glibc then tries clone, which says EPERM
)


def gate_plan(region_bytes: int) -> Plan:
    """The plan of a gate whose rows live in a shared region of `region_bytes` bytes."""
    channels = (InRange(0, CHANNEL, GATE_LAST_DESCRIPTOR),)
    return Plan(
        role="gate",
        limits=(
            ("CORE", 0),
            ("FSIZE", 0),
            ("MSGQUEUE", 0),
            ("STACK", STACK_BYTES),
            ("DATA", GATE_DATA_BYTES),
            ("AS", GATE_DATA_BYTES + HEADROOM_BYTES + region_bytes),
            ("NOFILE", GATE_FILES),
        ),
        late_limits=(("NPROC", 0),),
        rules=(
            Allow("read", channels, errno.EBADF),
            Allow("write", channels, errno.EBADF),
            # A worker's channel arrives as a descriptor on the gate's own, and is closed when the worker is gone.
            Allow("recvmsg", (InRange(0, CHANNEL, CHANNEL),)),
            Allow("close", (InRange(0, CHANNEL + 1, 0xFFFFFFFE),)),
            *_MEMORY,
            *_RUN,
            *_REFUSED,
        ),
    )


def worker_plan(data_bytes: int, cpu_seconds: int) -> Plan:
    """The plan of a worker with `data_bytes` bytes of private memory and `cpu_seconds` seconds of processor time."""
    channel = (InRange(0, CHANNEL, CHANNEL),)
    return Plan(
        role="worker",
        limits=(
            ("CORE", 0),
            ("FSIZE", 0),
            ("MSGQUEUE", 0),
            ("STACK", STACK_BYTES),
            ("DATA", data_bytes),
            ("AS", data_bytes + HEADROOM_BYTES),
            ("CPU", cpu_seconds),
        ),
        # NOFILE comes late because installing Landlock needs one more descriptor.
        late_limits=(("NOFILE", WORKER_FILES), ("NPROC", 0)),
        rules=(
            Allow("read", channel, errno.EBADF),
            Allow("write", channel, errno.EBADF),
            *_MEMORY,
            *_RUN,
            Refuse("recvmsg"),
            Refuse("close"),  # the filter pins the number of the channel, so it must not be freed
            *_REFUSED,
        ),
    )
