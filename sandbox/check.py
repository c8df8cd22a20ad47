"""What an author learns before anyone else sees the pair: source findings of both modules, then a trial run on synthetic data.

The modules are compiled where they would run, inside a locked worker; nothing of a pair is ever executed in this process. Where the system
has no lockdown (macOS, Windows) an author gets the half that runs nothing: manifest and source rules, and a report that says so.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies import Policy
from sandbox import supervisor
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.job import DataType, JobSpec, Target
from sandbox.manifest import Pair
from sandbox.rounds.local import compile_in
from sandbox.simulate import Inputs, Simulation
from sandbox.supervisor import Exit, Supervisor
from sandbox.wire.codec import encode
from sandbox.wire.messages import Compiled, Program, SourceFinding, worker_to_host

N_ROWS: Final = 400
N_SITES: Final = 2
MISSING_SHARE: Final = 0.2
SEED: Final = 20
_UNCHECKED: Final = (
    "the trial run. Pairs run on Linux only, where a worker can be locked in; manifest and source rules were checked and no line was run. "
    "Central checks the whole pair when it is registered."
)


@dataclass(frozen=True, slots=True)
class ModuleFinding:
    """A source finding and the module it is in."""

    module: str
    finding: SourceFinding


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `trial` is empty when the trial run went well, else its error. `unchecked` says what could not be tried here."""

    pair: str
    digest: str
    findings: tuple[ModuleFinding, ...]
    trial: str
    unchecked: str = ""

    @property
    def passed(self) -> bool:
        """Whether the pair may be registered."""
        return not self.findings and not self.trial

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        findings = [
            {"module": f.module, "line": f.finding.line, "message": f.finding.message, "remedy": f.finding.remedy} for f in self.findings
        ]
        return {
            "pair": self.pair,
            "digest": self.digest,
            "passed": self.passed,
            "findings": findings,
            "trial": self.trial,
            "unchecked": self.unchecked,
        }

    def as_text(self) -> str:
        """The report for a terminal."""
        lines = [f"{f.module}:{f.finding.line}: {f.finding.message} {f.finding.remedy}".rstrip() for f in self.findings]
        if self.trial:
            lines.append(f"trial run: {self.trial}")
        if self.unchecked:
            lines.append(f"not checked: {self.unchecked}")
        verdict = "passes as far as it can be checked here" if self.unchecked else "passes"
        lines.append(f"{self.pair} {verdict}, digest {self.digest}" if self.passed else f"{self.pair} does not pass")
        return "\n".join(lines)


async def check_pair(pair: Pair, policy: Policy) -> Report:
    """Compile both modules, then impute synthetic data on three participants. Raises `IsolationError` when nothing can be run here."""
    if supervisor.PLATFORM != "linux":
        return await _check_without_running(pair, policy)
    findings = await compile_pair(pair, policy)
    trial = "" if findings else await _trial(pair, policy)
    return Report(f"{pair.manifest.name} {pair.manifest.version}", pair.digest, tuple(findings), trial)


async def compile_pair(pair: Pair, policy: Policy) -> list[ModuleFinding]:
    """The source findings of both modules."""
    zygote = await Supervisor.start()
    try:
        findings = []
        for program in _programs(pair, policy):
            worker = await zygote.spawn_worker(policy)
            compiled = await compile_in(worker, program, policy.step_seconds)
            await worker.kill()
            findings += _named(pair, program, compiled)
        return findings
    finally:
        await zygote.close()


def _programs(pair: Pair, policy: Policy) -> tuple[Program, Program]:
    return (
        Program("central", pair.central_source, pair.manifest_bytes, policy.max_source_bytes),
        Program("remote", pair.remote_source, pair.manifest_bytes, policy.max_source_bytes),
    )


def _named(pair: Pair, program: Program, compiled: Compiled) -> list[ModuleFinding]:
    return [ModuleFinding(f"{pair.manifest.name}{program.module.title()}.py", finding) for finding in compiled.findings]


async def _check_without_running(pair: Pair, policy: Policy) -> Report:
    """Manifest (already read) and source rules, in a process that parses and runs nothing."""
    findings: list[ModuleFinding] = []
    for program in _programs(pair, policy):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", "-m", "sandbox.worker.lint"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            said, _ = await process.communicate(encode(program))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Exit.of(process.returncode).error("worker")
        compiled = worker_to_host.decode(said)
        if not isinstance(compiled, Compiled):
            raise PeerError(Code.WORKER_PROTOCOL)
        findings += _named(pair, program, compiled)
    return Report(f"{pair.manifest.name} {pair.manifest.version}", pair.digest, tuple(findings), "", _UNCHECKED)


async def _trial(pair: Pair, policy: Policy) -> str:
    """Impute targets of all types the pair knows, together or one after the other; the error of the first trial that fails."""
    capabilities = pair.manifest.capabilities
    for types in [capabilities.target_types] if capabilities.targets == "many" else [(type_,) for type_ in capabilities.target_types]:
        if error := await _try(pair, policy, types):
            return error
    return ""


async def _try(pair: Pair, policy: Policy, types: Sequence[DataType]) -> str:
    targets = tuple(Target(f"y{number}", type_) for number, type_ in enumerate(types, 1))
    spec = JobSpec(
        targets,
        imputations=2,
        iteration_before_first_imputation=2,
        iteration_between_imputations=1,
        seed=SEED,
        parameters=dict.fromkeys(pair.manifest.parameters.columns, "x3"),
    )
    with tempfile.TemporaryDirectory(prefix="tidegate-check-") as folder:
        paths = [Path(folder) / f"{name}.csv" for name in ("central", *(f"site{number}" for number in range(1, N_SITES + 1)))]
        for number, path in enumerate(paths):
            path.write_text(_synthetic_csv(targets, SEED + number), encoding="utf-8")
        inputs = Inputs(pair, spec, paths[0], tuple(paths[1:]), policy, Path(folder) / "out")
        try:
            await Simulation(inputs).run()
        except TidegateError as error:
            return str(error)
    return ""


def _synthetic_csv(targets: Sequence[Target], seed: int) -> str:
    """Rows of three predictors and the targets, each a noisy sum of them with missing cells."""
    draw = random.Random(seed)  # noqa: S311 - made-up data
    lines = [",".join([*(target.column for target in targets if isinstance(target.column, str)), "x1", "x2", "x3"])]
    for _ in range(N_ROWS):
        predictors = [draw.gauss(0, 1) for _ in range(3)]
        cells = []
        for target in targets:
            value = sum(predictors) / 2 + draw.gauss(0, 1)
            cell = str(int(value > 0)) if target.type == "binary" else f"{value:.6f}"
            cells.append("NA" if draw.random() < MISSING_SHARE else cell)
        lines.append(",".join([*cells, *(f"{predictor:.6f}" for predictor in predictors)]))
    return "\n".join(lines) + "\n"
