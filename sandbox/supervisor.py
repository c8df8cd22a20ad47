"""The host's hold on its children: starts the zygote, has gates and workers forked, passes frames to them, ends them.

It runs on an event loop and never blocks it. It does not know what the children say to each other (the round engine does), and it trusts
only the zygote. Called by :mod:`sandbox.rounds.local` and by the isolation report.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from policies import ISOLATION_TIERS, Policy
from sandbox.channel import Channel
from sandbox.control import EXIT_LOCKDOWN, EXIT_SELF_TEST, Control, Exited, NotSpawned, Spawn, Spawned, Up, from_zygote
from sandbox.errors import Code, IsolationError, LimitError, PeerError
from sandbox.wire.messages import GateReady, Isolation, WorkerReady, gate_to_host, worker_to_host

Role: TypeAlias = Literal["gate", "worker"]

SPAWN_SECONDS: Final = 10.0
START_SECONDS: Final = 120.0
"""Importing the scientific libraries takes about a second; the rest is for a machine that is busy."""
CLOSE_SECONDS: Final = 5.0
MALLOC_KEEPS: Final = 8 << 20
PROGRAM: Final = ("-m", "sandbox.zygote")
PLATFORM = sys.platform

_DIED: Final[dict[Role, Code]] = {"gate": Code.GATE_DIED, "worker": Code.WORKER_DIED}
_BROKE_PROTOCOL: Final[dict[Role, Code]] = {"gate": Code.GATE_PROTOCOL, "worker": Code.WORKER_PROTOCOL}


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: with an exit status, by a signal, or unseen, because its zygote was gone first (neither)."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def of(cls, returncode: int) -> Exit:
        """The end of a child that this process reaped itself: Python tells a signal as a negative number."""
        return cls(signal=-returncode) if returncode < 0 else cls(returncode)

    @property
    def reason(self) -> str:
        """The end in two words, for a sentence."""
        if self.signal is not None:
            return f"signal {_signal_name(self.signal)}"
        return "the end of its zygote" if self.code is None else f"exit {self.code}"

    def error(self, role: Role) -> PeerError | LimitError:
        """The end of a child that nobody asked for, as an error."""
        if self.signal == signal.SIGXCPU:
            return LimitError(Code.LIMIT_CPU)
        return PeerError(_DIED[role], reason=self.reason)


class Child:
    """A gate or a worker. Whoever had it spawned calls :meth:`kill` in the end, also when it has ended by itself."""

    def __init__(self, role: Role, pid: int, pidfd: int, channel: Channel) -> None:
        self.role = role
        self.pid = pid
        self.channel = channel
        self.isolation = Isolation(tier="none", landlock_abi=0, seccomp=False, uid=0, memory_locked=False)
        self._pidfd = pidfd
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    async def kill(self) -> Exit:
        """End the child at once, whatever it is doing, and free what it held here. May be called again."""
        self.signal()
        self.channel.close()
        return await self.wait()

    async def wait(self) -> Exit:
        """Wait until the child has ended and was reaped."""
        return await asyncio.shield(self._exit)

    def signal(self) -> None:
        """Send SIGKILL through the pidfd, which names this process and no later one with its number."""
        if not self._exit.done():
            _kill(self._pidfd)

    @property
    def is_gone(self) -> bool:
        """Whether it has ended and holds nothing here."""
        return self._exit.done() and self.channel.is_closed

    def ended(self, how: Exit) -> None:
        """Note the end (called by the supervisor)."""
        if not self._exit.done():
            os.close(self._pidfd)
            self._exit.set_result(how)
            self.channel.peer_ended()


class Supervisor:
    """One zygote and its children. A zygote that dies takes its children with it; the next spawn starts another."""

    def __init__(self, blas_threads: int, program: Sequence[str]) -> None:
        self._blas_threads = blas_threads
        self._program = program
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()
        self._is_closed = False

    @classmethod
    async def start(cls, blas_threads: int = 1, program: Sequence[str] = PROGRAM) -> Supervisor:
        """Start the zygote and wait until it has imported everything.

        Args:
            blas_threads: Threads of each child's linear algebra.
            program: Arguments of the interpreter that name the zygote's program; the number of a descriptor is added.

        Raises:
            IsolationError: The zygote could not lock itself in or could not start.
            LimitError: It took too long.
        """
        if PLATFORM != "linux":
            raise IsolationError(Code.ISOLATION_MISSING, reason=f"its system is {PLATFORM}, and pairs run on Linux only")
        supervisor = cls(blas_threads, program)
        await supervisor._running_zygote()
        return supervisor

    async def spawn_gate(self, policy: Policy) -> Child:
        """Fork a gate and wait until it is locked in and ready; raises as :meth:`spawn_worker`."""
        return await self._spawn("gate", policy, region_bytes=policy.max_rows_bytes)

    async def spawn_worker(self, policy: Policy) -> Child:
        """Fork a worker and wait until it is locked in and ready.

        Raises:
            IsolationError: The self-test failed, or what holds is less than the policy's minimum.
            LimitError: It was not ready in time.
            PeerError: It ended or said something else.
        """
        return await self._spawn("worker", policy, region_bytes=0)

    async def hand_over(self, worker: Child, gate: Child) -> None:
        """Pass the host's end of the worker's channel to the gate and close it here.

        AttachWorker must have been sent to the gate; one that is gone says why to whoever receives next.
        `worker` remains for :meth:`Child.kill` and :meth:`Child.wait`.
        """
        await gate.channel.hand_over(worker.channel)

    async def close(self) -> None:
        """End all children and the zygote, and leave no process and no descriptor. May be called again."""
        self._is_closed = True
        async with self._starting:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.close()

    async def _running_zygote(self) -> _Zygote:
        async with self._starting:
            if self._is_closed:
                raise PeerError(Code.GATE_DIED, reason="the end of its host")
            if self._zygote is not None and self._zygote.is_dead:
                await self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = await _Zygote.start(self._program, self._blas_threads)
            return self._zygote

    async def _spawn(self, role: Role, policy: Policy, *, region_bytes: int) -> Child:
        zygote = await self._running_zygote()
        try:
            async with asyncio.timeout(SPAWN_SECONDS):
                child = await zygote.fork(role, policy, region_bytes)
                await _await_ready(child, policy, zygote.landlock_abi)
        except TimeoutError as error:
            raise LimitError(Code.LIMIT_TIME, what=f"The start of the {role}", limit=int(SPAWN_SECONDS)) from error
        return child


@dataclass(frozen=True, slots=True)
class _Fork:
    """A request that the zygote has not answered yet."""

    role: Role
    channel: Channel
    child: asyncio.Future[Child]


class _Zygote:
    """One running zygote: its process, its channel, its children by request number."""

    def __init__(self, process: subprocess.Popen[bytes], control: Control, blas_threads: int) -> None:
        self.is_dead = False
        self.landlock_abi = 0
        self._process = process
        self._control = control
        self._blas_threads = blas_threads
        self._loop = asyncio.get_running_loop()
        self._up: asyncio.Future[Up] = self._loop.create_future()
        self._forking = asyncio.Lock()
        self._forks: dict[int, _Fork] = {}
        self._children: dict[int, Child] = {}
        self._spawned: Spawned | None = None
        self._n_requests = 0
        self._loop.add_reader(control.fileno(), self._on_readable)

    @classmethod
    async def start(cls, program: Sequence[str], blas_threads: int) -> _Zygote:
        """Run the program and wait until it is up; raises as :meth:`Supervisor.start`."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module; returns after the exec
                [sys.executable, "-I", "-B", *program, str(theirs.fileno())],
                # What is on the stack at exec stays there and every fork inherits it: give nothing but this.
                env=environment(blas_threads),
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        zygote = cls(process, Control(ours), blas_threads)
        try:
            async with asyncio.timeout(START_SECONDS):
                zygote.landlock_abi = (await zygote._up).landlock_abi
        except TimeoutError as error:
            await zygote.close()
            raise LimitError(Code.LIMIT_TIME, what="The start of the zygote", limit=int(START_SECONDS)) from error
        except BaseException:
            await zygote.close()
            raise
        return zygote

    async def fork(self, role: Role, policy: Policy, region_bytes: int) -> Child:
        """Have a child forked; it is not locked in yet. Raises :class:`PeerError` when that fails."""
        async with self._forking:  # one request at a time cannot fill the socket, so writing it never blocks
            self._forget_the_gone()
            self._n_requests += 1
            request = Spawn(
                id=self._n_requests,
                role=role,
                region_bytes=region_bytes,
                data_bytes=policy.worker_data_bytes,
                cpu_seconds=policy.worker_cpu_seconds,
                max_frame_bytes=policy.max_frame_bytes,
                minimum_isolation=policy.minimum_isolation,
                blas_threads=self._blas_threads,
            )
            ours, theirs = socket.socketpair()
            channel = Channel(ours, ended=_DIED[role], max_length=policy.max_frame_bytes)
            answer: asyncio.Future[Child] = self._loop.create_future()
            self._forks[request.id] = _Fork(role, channel, answer)
            try:
                with theirs:
                    self._control.put(request, theirs.fileno())
                return await answer
            except BaseException as error:
                self._forks.pop(request.id, None)  # reported later, the child is killed: nobody waits for it
                if answer.done() and not answer.cancelled() and answer.exception() is None:
                    answer.result().signal()
                channel.close()
                if isinstance(error, OSError):
                    raise PeerError(_DIED[role], reason=Exit().reason) from error
                raise

    async def close(self) -> None:
        """Kill the children, close the channel, which ends the zygote, and reap it."""
        children = list(self._children.values())
        for child in children:
            child.signal()
            child.channel.close()
        if children:
            await asyncio.wait([asyncio.ensure_future(child.wait()) for child in children], timeout=CLOSE_SECONDS)
        self._end()
        try:
            await asyncio.to_thread(self._process.wait, CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _forget_the_gone(self) -> None:
        self._children = {number: child for number, child in self._children.items() if not child.is_gone}

    def _on_readable(self) -> None:
        """One step: a message, or the descriptor that follows one. Each is there as a whole, so neither read waits."""
        try:
            if self._spawned is not None:
                spawned, self._spawned = self._spawned, None
                self._note_child(spawned, self._control.take_descriptor())
                return
            message = from_zygote.decode(self._control.take())
        except (EOFError, OSError, PeerError):
            self._end()
            return
        match message:
            case Up():
                if not self._up.done():
                    self._up.set_result(message)
            case Spawned():
                self._spawned = message
            case NotSpawned():
                fork = self._forks.pop(message.id, None)
                if fork is not None:
                    fork.child.set_exception(PeerError(_DIED[fork.role], reason="a lack of memory or processes"))
            case Exited():
                child = self._children.get(message.id)
                if child is not None:
                    child.ended(Exit(message.code, message.signal))

    def _note_child(self, spawned: Spawned, pidfd: int) -> None:
        fork = self._forks.pop(spawned.id, None)
        if fork is None or fork.child.done():
            _kill(pidfd)
            os.close(pidfd)
            return
        child = self._children[spawned.id] = Child(fork.role, spawned.pid, pidfd, fork.channel)
        fork.child.set_result(child)

    def _end(self) -> None:
        """The zygote is gone, or is to go: nothing may outlive it."""
        if self.is_dead:
            return
        self.is_dead = True
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        if not self._up.done():
            self._up.set_exception(IsolationError(Code.ISOLATION_MISSING, reason="the zygote did not start; see the log of the host"))
        for fork in self._forks.values():
            if not fork.child.done():
                fork.child.set_exception(PeerError(_DIED[fork.role], reason=Exit().reason))
        self._forks.clear()
        for child in self._children.values():
            child.signal()
            child.ended(Exit())


async def _await_ready(child: Child, policy: Policy, landlock_abi: int) -> None:
    """Wait until `child` is locked in and says so; it is killed when it is not."""
    try:
        child.isolation = await _ready(child)
        _check_isolation(child.isolation, policy)
    except BaseException as error:
        # A child that has ended keeps its status: this kill is for one that has not.
        child.signal()
        child.channel.close()
        if isinstance(error, PeerError) and error.code == _DIED[child.role]:
            raise _early_end(child.role, await child.wait(), landlock_abi) from error
        raise


async def _ready(child: Child) -> Isolation:
    frame = await child.channel.receive()
    message = (gate_to_host if child.role == "gate" else worker_to_host).decode(frame.payload)
    if not isinstance(message, GateReady | WorkerReady):
        raise PeerError(_BROKE_PROTOCOL[child.role])
    return message.isolation


def _check_isolation(found: Isolation, policy: Policy) -> None:
    tiers: tuple[str, ...] = ISOLATION_TIERS
    if found.tier not in tiers or tiers.index(found.tier) < tiers.index(policy.minimum_isolation):
        reason = f"what holds is {found.tier}, the policy asks for {policy.minimum_isolation}"
        raise IsolationError(Code.ISOLATION_MISSING, reason=reason)


def _early_end(role: Role, how: Exit, landlock_abi: int) -> IsolationError | PeerError | LimitError:
    """Why a child ended before it was ready."""
    if how.code not in (EXIT_LOCKDOWN, EXIT_SELF_TEST):
        return how.error(role)
    if landlock_abi == 0:
        return IsolationError(Code.ISOLATION_MISSING, reason="the kernel has no Landlock, or a container hides it")
    what = "a layer of the lockdown could not be put on" if how.code == EXIT_LOCKDOWN else "the self-test found a layer that does not hold"
    return IsolationError(Code.ISOLATION_MISSING, reason=f"{what} ({role}, {how.reason})")


def environment(blas_threads: int) -> dict[str, str]:
    """What a zygote and its children have for an environment."""
    threads = str(blas_threads)
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        # glibc gives what is freed back to the kernel at once, and an upload is read in blocks that are allocated and freed again: without
        # this the kernel clears the same pages for every block, which costs as much as parsing them. Two such pieces stay, as by glibc's
        # own rule: with one, an array just below the threshold would go back in every step of a pair.
        "MALLOC_MMAP_THRESHOLD_": str(MALLOC_KEEPS),
        "MALLOC_TRIM_THRESHOLD_": str(2 * MALLOC_KEEPS),
    }


def _kill(pidfd: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return  # reaped, not reported yet


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
