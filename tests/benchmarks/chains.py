"""A job of four chains against a job of one: processor time for every chain, round trips, memory

Central and one site, SIMICE with 3 continuous and 2 binary targets. A chain should cost no more beside others than alone, and four
imputations of four chains should take the messages of one imputation.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np

from policies import built_in
from sandbox.job import job_from_table
from sandbox.manifest import load_pair
from sandbox.rounds.local import LocalParticipant
from sandbox.simulate import Inputs, Simulation
from tests.benchmarks.rig import cpu_seconds
from tests.benchmarks.row import Row

N, PREDICTORS, CHAINS, TIMES = 40_000, 15, 4, 3
TARGETS: Final = {"y1": "continuous", "y2": "continuous", "y3": "continuous", "b1": "binary", "b2": "binary"}


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        files = [_file(folder / f"{number}.csv", number) for number in range(2)]
        found: dict[tuple[int, int], list[dict[str, float]]] = {}
        jobs = ((1, 1), (CHAINS, CHAINS), (1, CHAINS))
        for _ in range(TIMES):
            for chains, imputations in jobs:
                found.setdefault((chains, imputations), []).append(asyncio.run(_job(files, folder / "out", chains, imputations)))
    one, four, thinned = ({key: min(run[key] for run in found[job]) for key in found[job][0]} for job in jobs)
    what, size = "M = 4 from 4 chains", f"2 × {N:,} × {PREDICTORS + len(TARGETS)}"
    each = f"processor time of gates and remote workers, each of 4 chains, {size}"
    yield Row(each, four["cpu"] / CHAINS, "s", one["cpu"], "a job of one chain", None, 1.1)
    yield Row(f"{what}: round trips", four["trips"], "", one["trips"], "M = 1 from one chain", None, 1.15)
    yield Row(f"{what}: round trips", four["trips"], "", thinned["trips"], "M = 4 from one chain, 5 iterations between", None, 0.7)
    yield Row(f"{what}: processor time", four["cpu"], "s", thinned["cpu"], "the same")
    yield Row(f"{what}: time of the rounds", four["seconds"], "s", thinned["seconds"], "the same")
    yield Row("memory of central's gate", four["memory"], "MB", one["memory"], "a job of one chain", None, CHAINS)


def _file(path: Path, seed: int) -> Path:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((N, PREDICTORS)).round(3)
    lean = (
        x @ draw.standard_normal((PREDICTORS, len(TARGETS))) / 4
        + draw.standard_normal((N, 1)) / 2
        + draw.standard_normal((N, len(TARGETS)))
    )
    is_binary = np.array([kind == "binary" for kind in TARGETS.values()])
    cells = np.where(is_binary, (lean > 0).astype(int).astype(str), lean.round(3).astype(str))
    cells[draw.random(cells.shape) < 0.2] = "NA"
    header = ",".join([*TARGETS, *(f"x{number}" for number in range(PREDICTORS))])
    np.savetxt(path, np.column_stack([cells, x.astype(str)]), fmt="%s", delimiter=",", header=header, comments="")
    return path


async def _job(files: list[Path], out: Path, chains: int, imputations: int) -> dict[str, float]:
    """Processor seconds of all gates and remote workers between the first round and the result, and the rest of what is shown."""
    pair = load_pair(Path(__file__).parents[2] / "algorithms" / "SIMICE")
    spec: dict[str, Any] = {
        "imputations": imputations,
        "iteration_before_first_imputation": 20,
        "iteration_between_imputations": 5,
        "seed": 1,
        "targets": [{"column": name, "type": kind} for name, kind in TARGETS.items()],
        "parameters": {"chains": chains},
    }
    begin, result = LocalParticipant.begin, LocalParticipant.result
    begun: dict[str, float] = {}
    gates: list[LocalParticipant] = []
    ended: dict[str, float] = {}

    async def noted(gate: LocalParticipant, constants: Any) -> None:
        gates.append(gate)
        begun[gate.name] = _cpu(gate)
        await begin(gate, constants)

    def finished(gate: LocalParticipant, run: dict[str, Any]) -> Any:
        ended.update({one.name: _cpu(one) for one in gates})
        ended["memory"] = _peak_megabytes(gate.processes[0].pid)
        return result(gate, run)

    with mock.patch.object(LocalParticipant, "begin", noted), mock.patch.object(LocalParticipant, "result", finished):
        run = await Simulation(Inputs(pair, job_from_table(spec), files[0], tuple(files[1:]), built_in("default"), out)).run()
    cpu = sum(ended[name] - begun[name] for name in begun)
    return {"cpu": cpu, "trips": run["round_trips"], "seconds": run["seconds"]["rounds"], "memory": ended["memory"]}


def _cpu(participant: LocalParticipant) -> float:
    return sum(cpu_seconds(child.pid) for child in participant.processes)


def _peak_megabytes(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0
