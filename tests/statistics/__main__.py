"""`make study`: every cell, two processes, then the table into `algorithms/README.md`. Ends with 1 when a demand is missed.

With `MIDN=folder` the published sets are imputed first; that table is shown and written nowhere.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tests.statistics import midn, table
from tests.statistics.cells import Cell, cells
from tests.statistics.figures import misses
from tests.statistics.repetitions import Outcome, repeat

CHUNK = 250


def main(
    repetitions: Annotated[int, typer.Option(help="Data sets per cell.")] = 2000,
    processes: Annotated[int, typer.Option(help="Processes.")] = 2,
    method: Annotated[str, typer.Option(help="Only this method; the table is then shown, not written.")] = "",
    readme: Annotated[Path, typer.Option(help="Where the table is written.")] = table.README,
) -> None:
    """Run the simulation study."""
    if folder := os.environ.get("MIDN"):
        for line in midn.lines(Path(folder)):
            typer.echo(line)
    chosen = [cell for cell in cells() if method in ("", cell.method)]
    outcomes = run(chosen, repetitions, processes)
    text = table.table(outcomes)
    if method:
        typer.echo(text)
    else:
        table.write(text, readme)
    missed = list(misses(outcomes))
    for miss in missed:
        typer.echo(f"missed: {miss}", err=True)
    raise typer.Exit(1 if missed else 0)


def run(chosen: list[Cell], repetitions: int, processes: int) -> dict[Cell, Outcome]:
    """The outcomes of cells, in their order."""
    # BLAS threads would fight for the processes' cores; the children inherit this before they import NumPy.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    chunks = [range(first, min(first + CHUNK, repetitions)) for first in range(0, repetitions, CHUNK)]
    parts: dict[Cell, dict[int, Outcome]] = {cell: {} for cell in chosen}
    start = time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {pool.submit(repeat, cell, chunk): (cell, chunk) for cell in chosen for chunk in chunks}
        for number, job in enumerate(as_completed(jobs), 1):
            cell, chunk = jobs[job]
            parts[cell][chunk.start] = job.result()
            typer.echo(f"\r{number}/{len(jobs)} after {time.monotonic() - start:.0f} s", err=True, nl=number == len(jobs))
    return {cell: _joined([part for _, part in sorted(found.items())]) for cell, found in parts.items()}


def _joined(parts: list[Outcome]) -> Outcome:
    return Outcome(np.concatenate([part.values for part in parts]), tuple(code for part in parts for code in part.failures))


if __name__ == "__main__":
    typer.run(main)
