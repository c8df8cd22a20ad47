"""The loop of a zygote: forks children, locks them in, reaps them and reports their end. Child side only.

The roles are handed in, so this module knows neither gate nor worker; :mod:`sandbox.zygote` is the program that does. A child's entry point
owns its process from the self-test on. Nothing about an exception leaves a child: it ends with a status.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from sandbox.control import EXIT_LOCKDOWN, EXIT_RAISED, EXIT_SELF_TEST, Control, Exited, NotSpawned, Spawn, Spawned, Up, to_zygote
from sandbox.heap import settle
from sandbox.lockdown import region
from sandbox.lockdown.plan import CHANNEL, gate_plan, worker_plan
from sandbox.lockdown.selftest import SelfTestError
from sandbox.lockdown.sequence import Cradle, lock, lock_zygote, strip_gate, strip_worker
from sandbox.pipe import Pipe
from sandbox.wire.messages import Isolation

_NO_REGION: Final = -1


@dataclass(frozen=True, slots=True)
class Roles:
    """What children do once they are locked in, and how the zygote's libraries start their threads before that."""

    gate: Callable[[Pipe, mmap.mmap, Isolation], None]
    worker: Callable[[Pipe, Isolation], None]
    start_threads: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Running:
    """A child as the zygote knows it."""

    id: int
    pid: int


class Nursery:
    """The children of one zygote."""

    def __init__(self, control: Control, roles: Roles) -> None:
        self._control = control
        self._roles = roles
        self._running: dict[int, _Running] = {}
        self._poll = select.poll()

    def serve(self) -> NoReturn:
        """Lock this process in, then serve until the supervisor closes the channel; children do not outlive that."""
        settle()
        # A child that is woken does not push aside the host that woke it and has others to wake: it runs beside it, or next.
        _schedule(os.SCHED_BATCH)
        cradle = lock_zygote()
        self._poll.register(self._control.fileno(), select.POLLIN)
        try:
            self._control.put(Up(pid=cradle.pid, landlock_abi=cradle.landlock_abi))
            while True:
                for descriptor, _ in self._poll.poll():
                    if descriptor == self._control.fileno():
                        self._spawn(cradle)
                    else:
                        self._reap(descriptor)
        except (EOFError, OSError):
            self._end_all()
        finally:
            os._exit(0)

    def _spawn(self, cradle: Cradle) -> None:
        request = to_zygote.decode(self._control.take())
        channel = self._control.take_descriptor()
        rows = _NO_REGION
        try:
            if request.role == "gate":
                rows = region.create(request.region_bytes)
            pid, pidfd = self._fork(request, channel, rows, cradle)
        except OSError:
            self._control.put(NotSpawned(request.id))
            return
        finally:
            # The gate's own copy is the only one: nobody else can reach the rows.
            os.close(channel)
            if rows != _NO_REGION:
                os.close(rows)
        self._running[pidfd] = _Running(request.id, pid)
        self._poll.register(pidfd, select.POLLIN)
        self._control.put(Spawned(request.id, pid), pidfd)

    def _fork(self, request: Spawn, channel: int, rows: int, cradle: Cradle) -> tuple[int, int]:
        pid = os.fork()
        if pid == 0:
            become(request, channel, rows, cradle, self._roles)
        try:
            return pid, os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise

    def _reap(self, pidfd: int) -> None:
        child = self._running.pop(pidfd)
        self._poll.unregister(pidfd)
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        os.close(pidfd)
        if result is None or result.si_code == os.CLD_EXITED:
            self._control.put(Exited(child.id, result.si_status if result else None, None))
        else:
            self._control.put(Exited(child.id, None, result.si_status))

    def _end_all(self) -> None:
        for pidfd in self._running:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        for pidfd in self._running:
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED)


def become(request: Spawn, channel: int, rows: int, cradle: Cradle, roles: Roles) -> NoReturn:
    """Lock this just forked process in, then be what `request` asks for; never returns."""
    status = EXIT_LOCKDOWN
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        pipe = Pipe(CHANNEL, request.max_frame_bytes)
        start_threads = roles.start_threads if request.blas_threads > 1 else _start_no_threads
        if request.role == "gate":
            stripped, mapped, is_locked = strip_gate(channel, rows, request.region_bytes, cradle)
            pipe.prepare_descriptors()
            plan = gate_plan(request.region_bytes)
            isolation = lock(plan, stripped, request.minimum_isolation, start_threads, memory_locked=is_locked)
            status = EXIT_RAISED
            roles.gate(pipe, mapped, isolation)
        else:
            # Its gate, or the host, waits for it in every round, and what it does is short: it need not wait for the computing of a gate.
            _schedule(os.SCHED_OTHER)
            stripped = strip_worker(channel, cradle)
            isolation = lock(worker_plan(request.data_bytes, request.cpu_seconds), stripped, request.minimum_isolation, start_threads)
            status = EXIT_RAISED
            roles.worker(pipe, isolation)
        status = 0
    except SelfTestError:
        status = EXIT_SELF_TEST
    finally:
        # Not by the interpreter: finalisers would run, and an exception would print what it knows.
        os._exit(status)


def _schedule(policy: int) -> None:
    """Ask for a scheduling policy; a matter of speed only, so that a system that denies it is no error."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, policy, os.sched_param(0))


def _start_no_threads() -> None:
    """One thread is what there is."""
