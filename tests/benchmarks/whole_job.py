"""A whole SIMICE job over three servers and real TLS, against central alone with the same schedule; needs MIDN=folder

M = 10, 10 iterations before, 5 between, on the published sets (5,000 + 10,000 + 15,000 rows). Sites are asked twice: for their margins and
their cards, made before Start. So a job over sites should take what central alone takes, and the round trips. Both run in turns, with
ledgers on the disk, and of both the quickest counts: a machine that is shared is not equally fast at all times.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from policies import built_in
from sandbox.job import job_from_table
from sandbox.manifest import load_pair
from sandbox.simulate import Inputs, Simulation
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
ROUND_TRIPS: Final = 3
ROUND_TRIP: Final = 1e-3
"""Seconds of one between servers on one machine."""
TIMES: Final = 10
MAX_RATIO: Final = 1.15
STAGES: Final = ("margins", "cards", "points", "worker", "rounds")


def rows() -> Iterator[Row]:
    if "MIDN" not in os.environ:
        return
    files = [Path(os.environ["MIDN"]) / name for name in FILES]
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        federation = set_up(Path(name), lambda _: None)
        try:
            runs = [(_together(federation, files), asyncio.run(_alone(files[0], Path(name)))) for _ in range(TIMES)]
        finally:
            tear_down(federation)
    together, alone = (min((pair[which] for pair in runs), key=_seconds) for which in (0, 1))
    must = _seconds(alone) + ROUND_TRIPS * ROUND_TRIP
    against = f"central alone + {ROUND_TRIPS} round trips × {1e3 * ROUND_TRIP:g} ms"
    yield Row("job over two sites", _seconds(together), "s", must, against, None, MAX_RATIO)
    for stage in STAGES:
        yield Row(f"of it {stage}", together["seconds"].get(stage, 0.0), "s", alone["seconds"].get(stage, 0.0), "the same stage alone")


def _seconds(run: dict[str, Any]) -> float:
    """From central's Start until the last imputation is kept."""
    return float(sum(run["seconds"].get(stage, 0.0) for stage in STAGES))


async def _alone(file: Path, folder: Path) -> dict[str, Any]:
    """The run.json of the same schedule with nobody but central, in this process: a server has no job without a site."""
    pair = load_pair(Path(__file__).parents[2] / "algorithms" / "SIMICE")
    inputs = Inputs(pair, job_from_table(JOB), file, (), built_in("default"), folder / "alone")
    return await Simulation(inputs).run()


def _together(federation: Federation, files: list[Path]) -> dict[str, Any]:
    """The run.json of the job over three servers."""
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
