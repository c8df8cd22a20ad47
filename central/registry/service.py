"""Registration of pairs. A pair is compiled in a real, locked worker before it is kept; nothing of it runs here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

import structlog

from central.registry import store
from central.registry.model import PairVersion
from policies import Policy
from sandbox.errors import Code, InputError
from sandbox.host.database import Database
from sandbox.host.isolation import Isolator
from sandbox.host.problems import Findings, FindingView, not_found
from sandbox.manifest import MANIFEST_NAME, Pair, load_pair
from sandbox.rounds.local import compile_in
from sandbox.wire.messages import Program

log = structlog.get_logger()


class Registry:
    """The pairs of one central."""

    def __init__(self, database: Database, isolator: Isolator, policy: Policy) -> None:
        self.max_source_bytes = policy.max_source_bytes
        self._database = database
        self._isolator = isolator
        self._policy = policy

    async def register(self, pair: Pair, author: str) -> PairVersion:
        """Compile both modules and keep the pair.

        Raises:
            Findings: lines of the source that the rules refuse.
            InputError: a module is too large, or the version exists with other bytes.
            IsolationError: this machine cannot compile a pair safely.
        """
        for module, source in (("central module", pair.central_source), ("remote module", pair.remote_source)):
            if len(source) > self.max_source_bytes:
                raise InputError(Code.PAIR_SOURCE, module=module, reason=f"is larger than {self.max_source_bytes} bytes")
        findings = [*await self._compile(pair, "central", pair.central_source), *await self._compile(pair, "remote", pair.remote_source)]
        if findings:
            raise Findings(Code.WORKER_SOURCE, findings)
        version = await self._database.run(store.add, pair, author)
        log.info("pair.registered", pair=version.name, version=version.version, digest=version.digest)
        return version

    async def get(self, digest: str) -> PairVersion:
        """The version with a digest. Raises :class:`InputError` when there is none."""
        version = await self._database.run(store.get, digest)
        if version is None:
            raise not_found("pair")
        return version

    async def versions(self) -> Sequence[PairVersion]:
        """Every version."""
        return await self._database.run(store.all_versions)

    async def _compile(self, pair: Pair, module: Literal["central", "remote"], source: bytes) -> list[FindingView]:
        supervisor = await self._isolator.supervisor()
        worker = await supervisor.spawn_worker(self._policy)
        try:
            program = Program(module, source, pair.manifest_bytes, self._policy.max_source_bytes)
            compiled = await compile_in(worker, program, self._policy.step_seconds)
        finally:
            await worker.kill()
        file = f"{pair.manifest.name}{module.title()}.py"
        return [FindingView.of_source(finding, file) for finding in compiled.findings]


def register_bundled(database: Database) -> list[Pair]:
    """Keep the pairs that come with Tidegate; they are part of this installation, as trusted as this code. Blocking."""
    with resources.as_file(resources.files("algorithms")) as folder:
        pairs = [load_pair(child) for child in sorted(Path(folder).iterdir()) if (child / MANIFEST_NAME).is_file()]
    with database.transaction() as session:
        for pair in pairs:
            store.add(session, pair, "")
    return pairs
