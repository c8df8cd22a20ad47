"""A whole federation on this machine: real gates, real workers, the real engine, no network. For authors, and for comparing with a server.

All participants share one row secret (made from the seed) and number their rows over the files in argument order, so that the same rows
draw the same numbers however they are split over sites, and a run can be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import time
import zipfile
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies import Policy
from sandbox.contract import Contract, Finding
from sandbox.errors import CATALOGUE, Code, InputError, PeerError
from sandbox.job import JobSpec, check_job
from sandbox.ledger import Ledger
from sandbox.manifest import Pair
from sandbox.rounds.engine import Engine
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.participant import CENTRAL
from sandbox.rounds.summary import EngineProgress
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import ColumnReport, GateSetup, UploadReport

READ_BYTES: Final = 1 << 20
LEDGER_NAME: Final = "ledger.jsonl"


class DataError(InputError):
    """A CSV cannot be used: `participant` and all its findings."""

    def __init__(self, participant: str, findings: Sequence[Finding]) -> None:
        self.participant = participant
        self.findings = tuple(findings)
        super().__init__(findings[0].code, **dict(findings[0].details))


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is simulated. `sites` may be empty: all rows at central, for a pooled comparison."""

    pair: Pair
    spec: JobSpec
    central: Path
    sites: tuple[Path, ...]
    policy: Policy
    out: Path
    rows_reviewed: bool = True
    """Whether every site opted in to a pair that sees rows; without that only `rows_access = "any"` runs it, with coarse rounding."""


class Simulation:
    """One run. `observe` is told a line of progress."""

    def __init__(self, inputs: Inputs, observe: Callable[[EngineProgress], None] = lambda _: None) -> None:
        self._inputs = inputs
        self._spec = check_job(inputs.spec, inputs.pair.manifest)
        self._observe = observe
        self._reports: dict[str, UploadReport] = {}
        self._participants: list[LocalParticipant] = []
        self._seconds: dict[str, float] = {}

    async def run(self) -> dict[str, Any]:
        """Run it on processes of its own; see :meth:`run_on`."""
        clock = time.perf_counter()
        supervisor = await Supervisor.start()
        self._lap("start", clock)
        try:
            return await self.run_on(supervisor)
        finally:
            await supervisor.close()

    async def run_on(self, supervisor: Supervisor) -> dict[str, Any]:
        """Run it and write the files; the object that `--json` prints.

        Raises:
            DataError: a CSV cannot be used; all findings are in it.
            TidegateError: as :meth:`sandbox.rounds.engine.Engine.run`.
        """
        self._inputs.out.mkdir(parents=True, exist_ok=True)
        ledger_path = self._inputs.out / LEDGER_NAME
        ledger_path.unlink(missing_ok=True)
        ledger = Ledger(ledger_path)
        clock = time.perf_counter()
        try:
            central, *sites = await self._open_all(supervisor, ledger)
            self._lap("upload", clock)
            contract = self._contract()
            engine = Engine(supervisor, self._inputs.pair, self._spec, contract, central, sites, self._observe)
            summary = await engine.run()
            clock = time.perf_counter()
            run = self._describe(summary.as_dict(), contract, central)
            files = await self._write_result(central, run)
            self._lap("result", clock)
            run["seconds"].update(self._seconds)
            return {**run, "files": files}
        finally:
            for participant in self._participants:
                await participant.wipe()
            ledger.close()

    async def _open_all(self, supervisor: Supervisor, ledger: Ledger) -> list[LocalParticipant]:
        names = [CENTRAL, *_site_names(self._inputs.sites)]
        offset = 0
        contract: Contract | None = None
        for name, path in zip(names, (self._inputs.central, *self._inputs.sites), strict=True):
            participant = await LocalParticipant.open(supervisor, self._setup(name, contract, offset), ledger)
            self._participants.append(participant)
            async with contextlib.aclosing(read_file(path)) as chunks:
                report = await participant.upload(chunks)
            self._reports[name] = report
            if not report.is_clean:
                raise DataError(name, [finding for finding in report.findings if finding.severity == "stop"])
            contract = contract or report.contract
            offset += report.n_rows
        for participant in self._participants:
            findings = await participant.attach(self._inputs.pair.remote_source, rows_reviewed=self._inputs.rows_reviewed)
            if findings:
                module = f"{self._inputs.pair.manifest.name}Remote.py, line {findings[0].line}"
                raise InputError(Code.PAIR_SOURCE, module=module, reason=findings[0].message)
        return self._participants

    def _setup(self, name: str, contract: Contract | None, row_offset: int) -> GateSetup:
        return GateSetup(
            job_id="simulation",
            participant=name,
            is_central=name == CENTRAL,
            policy=self._inputs.policy,
            spec=self._spec,
            manifest=self._inputs.pair.manifest_bytes,
            pair_digest=self._inputs.pair.digest,
            contract=contract,
            row_secret=hashlib.sha256(f"tidegate simulate {self._spec.seed}".encode()).digest(),
            row_offset=row_offset,
            has_common_secret=True,
        )

    def _contract(self) -> Contract:
        contract = self._reports[CENTRAL].contract
        if contract is None:
            raise PeerError(Code.GATE_PROTOCOL)
        return contract

    def _describe(self, summary: dict[str, Any], contract: Contract, central: LocalParticipant) -> dict[str, Any]:
        pair = self._inputs.pair
        return {
            "pair": {"name": pair.manifest.name, "version": pair.manifest.version, "digest": pair.digest},
            "policy": self._inputs.policy.name,
            "isolation": central.isolation.tier,
            "seed": self._spec.seed,
            "contract": contract.digest,
            "participants": list(self._reports),
            "cards": {name: _card_lines(report) for name, report in self._reports.items() if report.card},
            "columns": [_column(column) for column in self._reports[CENTRAL].columns],
            "notes": {name: list(report.notes) for name, report in self._reports.items()},
            "findings": [finding for name, report in self._reports.items() for finding in finding_lines(name, report.findings)],
            **summary,
        }

    async def _write_result(self, central: LocalParticipant, run: dict[str, Any]) -> list[str]:
        buffer = io.BytesIO()
        async for chunk in central.result(run):
            buffer.write(chunk)
        with zipfile.ZipFile(buffer) as archive:
            archive.extractall(self._inputs.out)
            return [str(self._inputs.out / name) for name in archive.namelist()]

    def _lap(self, phase: str, since: float) -> None:
        self._seconds[phase] = round(time.perf_counter() - since, 4)


def _card_lines(report: UploadReport) -> list[dict[str, Any]]:
    """The card of a site as `--json` prints it; `error` is in what a typical row adds."""
    return [
        {"what": line.what, "column": line.column, "shape": list(line.shape), "numbers": line.n_numbers, "error": line.error}
        for line in report.card
    ]


def _column(report: ColumnReport) -> dict[str, Any]:
    """A column as `--json` prints it."""
    return {
        "index": report.index,
        "name": report.name,
        "role": report.role,
        "type": report.type or None,
        "levels": list(report.levels) or None,
        "why": report.why,
    }


def finding_lines(participant: str, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings of a participant as `--json` prints them."""
    return [
        {
            "participant": participant,
            "code": finding.code.value,
            "column": finding.column,
            "severity": finding.severity,
            "sentence": finding.sentence,
            "remedy": CATALOGUE[finding.code].remedy,
        }
        for finding in findings
    ]


def _site_names(paths: Sequence[Path]) -> list[str]:
    """A name for each site: the file's, numbered when two are alike."""
    names: list[str] = []
    for path in paths:
        name = path.stem
        number = 2
        while name in names or name == CENTRAL:
            name, number = f"{path.stem}-{number}", number + 1
        names.append(name)
    return names


async def read_file(path: Path) -> AsyncGenerator[bytes, None]:
    """The bytes of a file, piece by piece, without holding up the event loop."""
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, READ_BYTES):
            yield chunk
