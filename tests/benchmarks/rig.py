"""What several benchmarks need: a gate with rows and an attached worker, a plain interpreter, memory of a process."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import orjson

from policies import built_in
from sandbox.contract import Contract
from sandbox.job import JobSpec, Target, check_job
from sandbox.ledger import Ledger
from sandbox.manifest import Pair, make_pair
from sandbox.rounds.constants import constants_from
from sandbox.rounds.local import LocalParticipant
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import GateSetup, StepCall
from tests.one_chain import answer, asks

POLICY = built_in("research")
PAIR = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), REMOTE.encode())
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""One BLAS thread, as a worker has."""


def csv(n: int, p: int, seed: int = 1) -> bytes:
    """`n` rows of a target, missing on a tenth of them, and `p` predictors, five digits each."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((n, p))
    y = x.mean(axis=1) + draw.standard_normal(n)
    y[draw.random(n) < 0.1] = np.nan
    body = orjson.dumps(np.column_stack([y, x]).round(5), option=orjson.OPT_SERIALIZE_NUMPY)[2:-2]
    header = ",".join(["y", *(f"x{number}" for number in range(1, p + 1))]).encode()
    return header + b"\n" + body.replace(b"],[", b"\n").replace(b"null", b"NA") + b"\n"


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


@contextlib.asynccontextmanager
async def uploaded(supervisor: Supervisor, n: int, p: int, pair: Pair = PAIR) -> AsyncIterator[tuple[LocalParticipant, Contract]]:
    """A participant with rows and without a worker."""
    spec = check_job(JobSpec((Target("y", "continuous"),), imputations=2, seed=1), pair.manifest)
    setup = GateSetup("bench", "central", True, POLICY, spec, pair.manifest_bytes, pair.digest, None, b"k" * 32)
    with tempfile.TemporaryDirectory() as folder:
        participant = await LocalParticipant.open(supervisor, setup, Ledger(Path(folder) / "ledger.jsonl"))
        try:
            report = await participant.upload(_pieces(csv(n, p)))
            if report.contract is None or not report.is_clean:
                raise SystemExit(f"the benchmark's data are not clean: {report.findings}")
            yield participant, report.contract
        finally:
            await participant.wipe()


@contextlib.asynccontextmanager
async def running(supervisor: Supervisor, n: int, p: int, pair: Pair = PAIR) -> AsyncIterator[LocalParticipant]:
    """A participant whose job has begun."""
    async with uploaded(supervisor, n, p, pair) as (participant, contract):
        await participant.attach(pair.remote_source)
        margins = await participant.run_round(0, asks(StepCall("margins")))
        await participant.begin(constants_from([answer(margins).fields["margins"]], contract))
        yield participant


def interpreter(code: str) -> tuple[float, str]:
    """Seconds that a fresh interpreter takes for `code`, start and end included, and what it prints."""
    start = time.perf_counter()
    ran = subprocess.run([sys.executable, "-I", "-B", "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, ran.stdout


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process that waits."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def private_megabytes(pid: int) -> float:
    """Memory of a process that no other process shares and that cannot be dropped (only root may ask)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"Private_Dirty:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else float("nan")


IS_ROOT = os.getuid() == 0
