"""What an author learns before anyone else sees the pair: source findings of both modules, then a trial run on synthetic data.

The modules are compiled where they would run, inside a locked worker; nothing of a pair is ever executed in this process.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies import Policy
from sandbox.errors import TidegateError
from sandbox.job import JobSpec, Target
from sandbox.manifest import Pair
from sandbox.rounds.local import compile_in
from sandbox.simulate import Inputs, Simulation
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import Program, SourceFinding

N_ROWS: Final = 400
N_SITES: Final = 2
MISSING_SHARE: Final = 0.2
SEED: Final = 20


@dataclass(frozen=True, slots=True)
class ModuleFinding:
    """A source finding and the module it is in."""

    module: str
    finding: SourceFinding


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `trial` is empty when the trial run went well, else its error."""

    pair: str
    digest: str
    findings: tuple[ModuleFinding, ...]
    trial: str

    @property
    def passed(self) -> bool:
        """Whether the pair may be registered."""
        return not self.findings and not self.trial

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        findings = [
            {"module": f.module, "line": f.finding.line, "message": f.finding.message, "remedy": f.finding.remedy} for f in self.findings
        ]
        return {"pair": self.pair, "digest": self.digest, "passed": self.passed, "findings": findings, "trial": self.trial}

    def as_text(self) -> str:
        """The report for a terminal."""
        lines = [f"{f.module}:{f.finding.line}: {f.finding.message} {f.finding.remedy}".rstrip() for f in self.findings]
        if self.trial:
            lines.append(f"trial run: {self.trial}")
        lines.append(f"{self.pair} passes, digest {self.digest}" if self.passed else f"{self.pair} does not pass")
        return "\n".join(lines)


async def check_pair(pair: Pair, policy: Policy) -> Report:
    """Compile both modules, then impute synthetic data on three participants. Raises `IsolationError` when nothing can be run here."""
    findings = await compile_pair(pair, policy)
    trial = "" if findings else await _trial(pair, policy)
    return Report(f"{pair.manifest.name} {pair.manifest.version}", pair.digest, tuple(findings), trial)


async def compile_pair(pair: Pair, policy: Policy) -> list[ModuleFinding]:
    """The source findings of both modules."""
    supervisor = await Supervisor.start()
    try:
        findings = []
        for module, source in (("central", pair.central_source), ("remote", pair.remote_source)):
            worker = await supervisor.spawn_worker(policy)
            program = Program("central" if module == "central" else "remote", source, pair.manifest_bytes, policy.max_source_bytes)
            compiled = await compile_in(worker, program, policy.step_seconds)
            await worker.kill()
            findings += [ModuleFinding(f"{pair.manifest.name}{module.title()}.py", finding) for finding in compiled.findings]
        return findings
    finally:
        await supervisor.close()


async def _trial(pair: Pair, policy: Policy) -> str:
    capabilities = pair.manifest.capabilities
    types = capabilities.target_types if capabilities.targets == "many" else capabilities.target_types[:1]
    targets = tuple(Target(f"y{number}", type_) for number, type_ in enumerate(types, 1))
    spec = JobSpec(targets, imputations=2, iteration_before_first_imputation=2, iteration_between_imputations=1, seed=SEED)
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
