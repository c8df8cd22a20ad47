"""A reviewer's own file inside a locked worker, and what the host saw of it. Host side.

Nothing that the file says reaches anybody but as a bounded, escaped name: what it prints goes to /dev/null, what it raises stays inside.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from policies import Policy
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.probe.messages import RunScript, ScriptEnded, from_child
from sandbox.probe.runner import PROGRAM
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.messages import Isolation, SourceFinding

Outcome: TypeAlias = Literal["returned", "raised", "refused", "killed", "timeout"]

SCRIPT_SECONDS: Final = 10.0
MAX_FINDINGS: Final = 100
MAX_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class ScriptReport:
    """How a file fared. `kind` is the type that it returned or raised, as the file names it; `code` is what was wrong with its frames."""

    outcome: Outcome
    is_restricted: bool
    seconds: float
    signal: str | None
    kind: str
    line: int
    findings: tuple[SourceFinding, ...]
    code: Code | None
    end: str
    isolation: Isolation

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "outcome": self.outcome,
            "restricted": self.is_restricted,
            "seconds": round(self.seconds, 3),
            "signal": self.signal,
            "type": self.kind,
            "line": self.line,
            "findings": [{"line": f.line, "message": printable(f.message), "remedy": printable(f.remedy)} for f in self.findings],
            "host_saw": {"end": self.end, "frame_error": self.code, "tier": self.isolation.tier, "uid": self.isolation.uid},
        }

    def as_text(self) -> str:
        """The report for a terminal."""
        layer = "with the source rules" if self.is_restricted else "without the source rules"
        lines = [f"{self.outcome} after {self.seconds:.2f} s, {layer}, {self.isolation.tier}, user {self.isolation.uid}"]
        if self.kind:
            lines.append(f"type {self.kind}" + (f" at line {self.line}" if self.line else ""))
        lines += [f"line {f.line}: {printable(f.message)} {printable(f.remedy)}".rstrip() for f in self.findings]
        lines.append(f"the host saw: {self.end}" + (f", {self.code}" if self.code else ""))
        return "\n".join(lines)


async def run_script(source: bytes, policy: Policy, *, is_restricted: bool, seconds: float = SCRIPT_SECONDS) -> ScriptReport:
    """Run `run(data, params)` of `source` in a locked worker, for so many seconds at most.

    Raises `IsolationError` when nothing can be locked in here.
    """
    supervisor = await Supervisor.start(program=PROGRAM)
    try:
        return await run_under(supervisor, source, policy, is_restricted=is_restricted, seconds=seconds)
    finally:
        await supervisor.close()


async def run_under(
    supervisor: Supervisor, source: bytes, policy: Policy, *, is_restricted: bool, seconds: float = SCRIPT_SECONDS
) -> ScriptReport:
    """:func:`run_script` with a worker of `supervisor`, whose program must be the report's zygote."""
    worker = await supervisor.spawn_worker(policy)
    return await _run(worker, RunScript(source, is_restricted, policy.max_source_bytes), seconds)


async def _run(worker: Child, request: RunScript, seconds: float) -> ScriptReport:
    start = time.perf_counter()
    ended, code = ScriptEnded("raised"), None
    outcome: Outcome = "killed"
    try:
        await worker.channel.send(request)
        async with asyncio.timeout(seconds):
            frame = await worker.channel.receive()
        message = from_child.decode(frame.payload)
        if not isinstance(message, ScriptEnded):
            raise PeerError(Code.WORKER_PROTOCOL)
        ended, outcome = message, message.outcome
    except TimeoutError:
        outcome = "timeout"
    except TidegateError as error:
        code = None if error.code is Code.WORKER_DIED else error.code
    took = time.perf_counter() - start
    is_gone = outcome == "killed" and code is None
    # A worker that has ended keeps its status: this kill is for one that has not, or goes on without its channel.
    how = await worker.kill()
    answered = outcome not in ("killed", "timeout")
    return ScriptReport(
        outcome=outcome,
        is_restricted=request.is_restricted,
        seconds=took,
        signal=None if answered or how.signal is None else how.reason.removeprefix("signal "),
        kind=printable(ended.kind),
        line=max(ended.line, 0),
        findings=ended.findings[:MAX_FINDINGS],
        code=code,
        end="an answer" if answered else how.reason if is_gone else f"no end, {how.reason} from the host",
        isolation=worker.isolation,
    )


def printable(text: str) -> str:
    """`text` as one bounded line of printable ASCII: a terminal obeys what it is sent."""
    shown = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii") for c in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}..."
