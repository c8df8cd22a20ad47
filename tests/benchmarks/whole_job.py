"""A whole SIMICE job over three servers and real TLS, against the processor time of its gates; needs MIDN=folder

M = 10, 10 iterations before, 5 between, on the published sets (5,000 + 10,000 + 15,000 rows). What must be paid is, for every round, the
processor time of the slowest gate or that of all gates over the cores, and 1 ms a round trip. It is measured on the same job in this
process (same gates, same engine), so that nothing has to watch the servers: nobody asks them anything either until the job must have ended.
What waiting for the disk costs, before each release, is measured apart: the servers keep their ledgers in memory, then on the disk. A
machine that is shared is not equally fast at all times, so the job of the servers and the one in this process run in turns, and of both
the quickest counts; the job with ledgers on the disk runs some times afterwards.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from policies import built_in
from sandbox.job import job_from_table
from sandbox.manifest import load_pair
from sandbox.rounds.local import LocalParticipant
from sandbox.simulate import Inputs, Simulation
from sandbox.wire.messages import ChainCalls, RoundReply
from tests.benchmarks.rig import cpu_seconds
from tests.benchmarks.row import Row
from tests.demo.story import Federation, job_state, make_job, set_up, tear_down
from tests.e2e.servers import poll

JOB: Final[dict[str, Any]] = {
    "imputations": 10,
    "iteration_before_first_imputation": 10,
    "iteration_between_imputations": 5,
    "seed": 1,
    "targets": [{"column": "x1", "type": "binary"}, {"column": "x7", "type": "continuous"}],
}
FILES: Final = ("multi_missing_central.csv", "multi_missing_remote1.csv", "multi_missing_remote2.csv")
SECONDS: Final = 300.0
LOOK_SECONDS: Final = 2.0
"""When the job is looked at, and how often: an answer costs its server a round of the job."""
MEMORY: Final = "/dev/shm"  # noqa: S108 - a folder of its own is made there
TIMES: Final = 10


def rows() -> Iterator[Row]:
    if "MIDN" not in os.environ:
        return
    files = [Path(os.environ["MIDN"]) / name for name in FILES]
    seconds: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        simulation = Path(name) / "simulation"
        run = _quickest(files, MEMORY, lambda: seconds.append(asyncio.run(_gates(files, simulation))))
    on_disk, compute = _quickest(files, None), min(seconds)
    must = compute + run["round_trips"] * 1e-3
    spent, spent_on_disk = run["seconds"]["rounds"], on_disk["seconds"]["rounds"]
    against = f"gates {compute:.2f} s + {run['round_trips']} round trips × 1 ms"
    yield Row("rounds of the job, ledger sync apart", spent, "s", must, against, None, 1.3)
    yield Row("rounds of the job", spent_on_disk, "s", must, "the same")
    yield Row(f"ledger sync, {run['rounds']} rounds", spent_on_disk - spent, "s", must, "the same")
    yield Row("start of central's worker", run["seconds"]["worker"], "s", must, "the same")


def _quickest(files: list[Path], where: str | None, between: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The run.json of the job's quickest run by servers that keep everything in a folder there; `between` is called before each run."""
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-", dir=where) as name:
        federation = set_up(Path(name), lambda _: None)
        try:
            for _ in range(TIMES):
                between()
                runs.append(_run(federation, files))
        finally:
            tear_down(federation)
    return min(runs, key=lambda run: float(run["seconds"]["rounds"]))


async def _gates(files: list[Path], out: Path) -> float:
    """Σ over the rounds of the job, in this process, of max(the slowest gate's, all gates' / cores) processor seconds."""
    pair = load_pair(Path(__file__).parents[2] / "algorithms" / "SIMICE")
    inputs = Inputs(pair, job_from_table(JOB), files[0], tuple(files[1:]), built_in("default"), out)
    spent: defaultdict[int, list[float]] = defaultdict(list)
    seen: dict[str, float] = {}
    run_round = LocalParticipant.run_round

    async def measured(gate: LocalParticipant, number: int, chains: tuple[ChainCalls, ...], **more: bool) -> RoundReply:
        reply = await run_round(gate, number, chains, **more)
        cpu = cpu_seconds(gate._gate.pid)
        spent[number].append(cpu - seen.get(gate.name, 0.0))
        seen[gate.name] = cpu
        return reply

    with mock.patch.object(LocalParticipant, "run_round", measured):
        await Simulation(inputs).run()
    cores = os.cpu_count() or 1
    # Round 0 asks for the margins, before the worker starts whose seconds are measured.
    return sum(max(*seconds, sum(seconds) / cores) for number, seconds in spent.items() if number)


def _run(federation: Federation, files: list[Path]) -> dict[str, Any]:
    """The job's run.json."""
    job_id = make_job(federation, JOB)
    federation.runner.upload(job_id, files[0])
    for site, file in zip(federation.sites.values(), files[1:], strict=True):
        offer = site.wait_for_job(job_id, "contract")
        site.api.call("POST", f"/api/jobs/{job_id}/approve", json={"digest": offer["digest"]})
        site.api.upload(job_id, file)
        site.api.call("POST", f"/api/jobs/{job_id}/start")
    federation.runner.call("POST", f"/api/jobs/{job_id}/start")
    time.sleep(LOOK_SECONDS)
    poll(lambda: job_state(federation, job_id), lambda job: job["state"] in ("FINISHED", "FAILED"), SECONDS, "the job to end")
    answer = federation.runner.client.get(f"/api/jobs/{job_id}/result")
    federation.runner.call("POST", f"/api/jobs/{job_id}/close")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        run: dict[str, Any] = json.loads(archive.read("run.json"))
    return run
