"""Data for example pairs: three participants whose rows no rule objects to."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from policies import built_in
from sandbox.job import job_from_table
from sandbox.manifest import load_pair
from sandbox.simulate import Inputs, Simulation
from sandbox.supervisor import Supervisor

PAIRS = Path(__file__).parent
N_ROWS = 240
N_PREDICTORS = 4

RunPair = Callable[..., Coroutine[Any, Any, dict[str, Any]]]


def write_rows(path: Path, seed: int, kind: str) -> Path:
    """Rows of four predictors and a target `y` that depends on them and is missing on a fifth of the rows."""
    draw = random.Random(seed)
    lines = [",".join(["y", *(f"x{number}" for number in range(1, N_PREDICTORS + 1))])]
    for _ in range(N_ROWS):
        predictors = [draw.gauss(0, 1) for _ in range(N_PREDICTORS)]
        value = sum(predictors) / 2 + draw.gauss(0, 1)
        cell = str(int(value > 0)) if kind == "binary" else f"{value:.6f}"
        lines.append(",".join(["NA" if draw.random() < 0.2 else cell, *(f"{number:.6f}" for number in predictors)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def processes() -> AsyncIterator[Supervisor]:
    """One zygote for all of these tests: its start is the slow part."""
    started = await Supervisor.start()
    yield started
    await started.close()


@pytest.fixture
def run_pair(tmp_path: Path, processes: Supervisor) -> RunPair:
    """Run the pair in a folder on three participants; more of the job in `job`."""

    async def run(
        folder: Path, kind: str = "continuous", policy: str = "default", *, rows_reviewed: bool = True, **job: Any
    ) -> dict[str, Any]:
        files = [write_rows(tmp_path / f"{name}.csv", seed, kind) for seed, name in enumerate(("central", "north", "south"), 1)]
        table = {
            "imputations": 2,
            "iteration_before_first_imputation": 2,
            "iteration_between_imputations": 1,
            "seed": 7,
            "targets": [{"column": "y", "type": kind}],
            **job,
        }
        out = tmp_path / folder.name
        inputs = Inputs(
            load_pair(folder), job_from_table(table), files[0], tuple(files[1:]), built_in(policy), out, rows_reviewed=rows_reviewed
        )
        return await Simulation(inputs).run_on(processes)

    return run
