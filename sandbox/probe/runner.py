"""Makes the isolation report: every deed in a plain child, in a locked worker and in a locked gate. Host side.

The locked children come from a zygote of the report's own, by the supervisor that serves jobs, under the site's policy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from policies import Policy
from sandbox.errors import Code, LimitError, PeerError, TidegateError
from sandbox.probe.catalogue import CATALOGUE
from sandbox.probe.deed import Deed
from sandbox.probe.deeds.processes import MARK
from sandbox.probe.messages import MAX_WORD, Tried, Try, from_child
from sandbox.probe.report import DONE, Report, Row
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.messages import Isolation

PROGRAM: Final = ("-m", "sandbox.probe.zygote")
DEED_SECONDS: Final = 20.0
PLAIN_SECONDS: Final = 120.0
CPU_SECONDS: Final = 1
"""Processor time of the report's workers: one deed is to use it up."""
_MARK_VALUE: Final = "seen"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the report has come, and the deed it is at."""

    done: int
    total: int
    title: str


async def probe(policy: Policy, observe: Callable[[Progress], None] = lambda _: None, program: Sequence[str] = PROGRAM) -> Report:
    """Make the report; `program` is the zygote of its locked children.

    Raises:
        IsolationError: no child can be locked in as `policy` demands.
        LimitError: the machine is too slow for it.
    """
    policy = msgspec.structs.replace(policy, worker_cpu_seconds=min(policy.worker_cpu_seconds, CPU_SECONDS))
    with _marked_environment() as environment:
        supervisor = await Supervisor.start(program=program)
        try:
            isolation = await _isolation(supervisor, policy)
            plain = await _in_plain_children(environment)
            rows = []
            for number, deed in enumerate(CATALOGUE):
                observe(Progress(number, len(CATALOGUE), deed.title))
                rows.append(await _try(deed, plain.get(deed.name, "no answer"), supervisor, policy))
            observe(Progress(len(CATALOGUE), len(CATALOGUE), ""))
        finally:
            await supervisor.close()
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(made_at, f"{platform.system()} {platform.release()} {platform.machine()}", isolation, tuple(rows))


@contextlib.contextmanager
def _marked_environment() -> Iterator[dict[str, str]]:
    """Put a mark into this process's environment, as a secret would be; the environment of the plain child, which inherits it."""
    os.environ[MARK] = _MARK_VALUE
    try:
        yield dict(os.environ)
    finally:
        os.environ.pop(MARK, None)


async def _isolation(supervisor: Supervisor, policy: Policy) -> Isolation:
    """What the weaker of a gate and a worker reports."""
    gate = await supervisor.spawn_gate(policy)
    await gate.kill()
    worker = await supervisor.spawn_worker(policy)
    await worker.kill()
    return msgspec.structs.replace(worker.isolation, memory_locked=gate.isolation.memory_locked)


async def _in_plain_children(environment: dict[str, str]) -> dict[str, str]:
    """What came of every deed in a plain child."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", "-m", "sandbox.probe.plain"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        async with asyncio.timeout(PLAIN_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise LimitError(Code.LIMIT_TIME, what="The control of the report", limit=int(PLAIN_SECONDS)) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = (line.split(" ", 1) for line in said.decode("ascii", "replace").splitlines())
    return {line[0]: line[1][:MAX_WORD] for line in lines if len(line) > 1}


async def _try(deed: Deed, plain: str, supervisor: Supervisor, policy: Policy) -> Row:
    spawns = {"worker": supervisor.spawn_worker, "gate": supervisor.spawn_gate}
    locked = await asyncio.gather(*(_in_a_locked_child(deed, spawns[role](policy)) for role in deed.roles))
    return Row(deed.name, deed.group, deed.title, deed.is_required, plain, dict(zip(deed.roles, locked, strict=True)))


async def _in_a_locked_child(deed: Deed, spawning: Awaitable[Child]) -> str:
    child = await spawning
    try:
        await child.channel.send(Try(deed.name))
        async with asyncio.timeout(DEED_SECONDS):
            frame = await child.channel.receive()
        answer = from_child.decode(frame.payload)
        return answer.outcome if isinstance(answer, Tried) else "another answer"
    except TimeoutError:
        return "no end"
    except PeerError:
        # Its channel closed, because it was killed; or it sent something else, and what a breach says is not to be believed.
        child.signal()
        return (await child.wait()).reason
    except TidegateError:
        return DONE
    finally:
        await child.kill()
