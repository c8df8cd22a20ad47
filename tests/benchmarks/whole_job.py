"""A whole SIMICE job over three servers and real TLS, against the processor time of its gates; needs MIDN=folder

M = 10, 10 iterations before, 5 between, on the published sets (5,000 + 10,000 + 15,000 rows). What must be paid is the processor time of
the gates, the slowest one's or all of it over the cores, and 1 ms a round trip; writing each release into a ledger on the disk is measured
apart.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

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
SECONDS: Final = 300.0
SYNCS: Final = 50


def rows() -> Iterator[Row]:
    if "MIDN" not in os.environ:
        return
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        federation = set_up(folder, lambda _: None)
        try:
            run, cpu = _run(federation, Path(os.environ["MIDN"]))
        finally:
            tear_down(federation)
        sync = _sync_seconds(folder)
    syncs = run["rounds"] * sync
    compute = max(*cpu, sum(cpu) / (os.cpu_count() or 1))
    must = compute + run["round_trips"] * 1e-3
    spent = run["seconds"]["rounds"]
    against = f"gates {compute:.2f} s + {run['round_trips']} round trips × 1 ms"
    yield Row("rounds of the job, ledger sync apart", spent - syncs, "s", must, against, None, 1.3)
    yield Row("rounds of the job", spent, "s", must, "the same")
    yield Row(f"ledger sync, {run['rounds']} rounds", syncs, "s", must, "the same")
    yield Row("start of central's worker", run["seconds"]["worker"], "s", must, "the same")


def _run(federation: Federation, data: Path) -> tuple[dict[str, Any], list[float]]:
    """run.json, and the processor seconds of each gate while the job ran."""
    job_id = make_job(federation, JOB)
    federation.runner.upload(job_id, data / "multi_missing_central.csv")
    sites = list(federation.sites.values())
    for number, site in enumerate(sites, 1):
        offer = site.wait_for_job(job_id, "contract")
        site.api.call("POST", f"/api/jobs/{job_id}/approve", json={"digest": offer["digest"]})
        site.api.upload(job_id, data / f"multi_missing_remote{number}.csv")
    servers = [federation.central.server, *(site.server for site in sites)]
    # Nothing has started: the only child of each zygote is the gate.
    gates = [gate for server in servers for gate in _children(_children(server.process.pid))]
    before = [_cpu(gate) for gate in gates]
    for site in sites:
        site.api.call("POST", f"/api/jobs/{job_id}/start")
    federation.runner.call("POST", f"/api/jobs/{job_id}/start")
    after = list(before)

    def look() -> dict[str, Any]:
        for place, gate in enumerate(gates):
            after[place] = max(after[place], _cpu(gate))
        return job_state(federation, job_id)

    poll(look, lambda job: job["state"] in ("FINISHED", "FAILED"), SECONDS, "the job to end")
    answer = federation.runner.client.get(f"/api/jobs/{job_id}/result")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        run: dict[str, Any] = json.loads(archive.read("run.json"))
    return run, [end - start for start, end in zip(before, after, strict=True)]


def _children(parents: int | list[int]) -> list[int]:
    wanted = {parents} if isinstance(parents, int) else set(parents)
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in wanted:
            found.append(int(path.parent.name))
    return sorted(found)


def _cpu(pid: int) -> float:
    """Processor seconds of a process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


def _sync_seconds(folder: Path) -> float:
    """What one line on the disk takes here."""
    seconds = []
    descriptor = os.open(folder / "line", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(SYNCS):
        start = time.perf_counter()
        os.write(descriptor, b"x" * 1500)
        os.fdatasync(descriptor)
        seconds.append(time.perf_counter() - start)
    os.close(descriptor)
    return statistics.median(seconds)
