"""CSV in and out of a gate: an upload against one pandas.read_csv, a completed data set against to_csv, the zip against zlib

Processor time, each the quietest of three, in turns; the file is numbers of six digits, a fifth of five columns missing. Nothing is written
to disk but the file itself, in a temporary folder. The peak of a life is that of upload, pre-flight, layout and two sweeps.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from isal import isal_zlib

from policies import built_in
from sandbox.contract import Contract
from sandbox.gate import kernels
from sandbox.gate.dataset import Dataset
from sandbox.gate.draws import RowDraws
from sandbox.gate.imputations import Imputations
from sandbox.gate.ingest import Ingest
from sandbox.gate.kernels import Units
from sandbox.gate.needs import need_findings
from sandbox.gate.region import Region
from sandbox.gate.result import _LEVEL, ResultWriter
from sandbox.gate.survey import survey
from sandbox.job import check_job, job_from_table
from sandbox.manifest import load_pair
from sandbox.supervisor import environment
from sandbox.wire.messages import GateSetup
from tests.benchmarks.row import Row

ROOT: Final = Path(__file__).parents[2]
ROWS: Final = 300_000
COLUMNS: Final = 50
TARGETS: Final = 5
CHUNK: Final = 1 << 18


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        write(path)
        matrix = ROWS * COLUMNS * 8
        runs = [{kind: _child(kind, path) for kind in ("site", "pandas")} for _ in range(3)]
        site, pandas = (min((run[kind] for run in runs), key=lambda found: found["seconds"]) for kind in ("site", "pandas"))
        central, result = (_child(kind, path) for kind in ("central", "result"))
        size = path.stat().st_size
        yield Row(f"upload at a site, {size / 1e6:.0f} MB", site["seconds"], "s", pandas["seconds"], "pandas.read_csv", None, 1.5)
        yield Row("peak memory of it", site["peak"] / 1e6, "MB", matrix / 1e6, "the matrix", None, 1.2)
        yield Row("peak memory of a site's life", site["life"] / 1e6, "MB", matrix / 1e6, "the matrix", None, 1.5)
        both = (matrix + size) / 1e6
        yield Row("peak memory at central", central["peak"] / 1e6, "MB", both, "the matrix and the upload", None, 1.2)
        yield Row(
            "peak memory of central's life, one imputation", central["life"] / 1e6, "MB", both, "the matrix and the upload", None, 1.5
        )
        yield Row("one completed data set, a MB", 1e3 * result["completed"], "ms", 1e3 * result["to_csv"], "pandas.to_csv", None, 1 / 8)
        yield Row("deflate of 40 MB", result["deflate"], "s", result["zlib"], "zlib 6", None, 1 / 10)
        yield Row("size of it", result["deflate_bytes"] / 1e6, "MB", result["zlib_bytes"] / 1e6, "zlib 6", None, 1.1)


def write(path: Path) -> None:
    """The file, in pieces."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join(f"x{i}" for i in range(COLUMNS)) + "\n")
        for first in range(0, ROWS, 20_000):
            values = random.standard_normal((min(20_000, ROWS - first), COLUMNS))
            values[:, :TARGETS][random.random((len(values), TARGETS)) < 0.2] = np.nan
            pd.DataFrame(values).to_csv(file, header=False, index=False, na_rep="NA", float_format="%.6g")


def _child(kind: str, path: Path) -> dict[str, float]:
    arguments = [sys.executable, "-m", "tests.benchmarks.csv_files", kind, str(path)]
    env = os.environ | ({"OPENBLAS_NUM_THREADS": "1"} if kind == "pandas" else environment(blas_threads=1))
    done = subprocess.run(arguments, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _memory(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _setup(contract: Contract | None, is_central: bool) -> GateSetup:
    pair = load_pair(ROOT / "algorithms" / "SIMICE")
    table: dict[str, Any] = {
        "imputations": 2,
        "iteration_before_first_imputation": 1,
        "iteration_between_imputations": 1,
        "seed": 1,
        "targets": [{"column": f"x{i}", "type": "continuous"} for i in range(TARGETS)],
        "columns": {f"x{i}": "predictor" for i in range(TARGETS, COLUMNS)},
    }
    spec = check_job(job_from_table(table), pair.manifest)
    policy = built_in("research")
    return GateSetup("j", "central", is_central, policy, spec, pair.manifest_bytes, pair.digest, contract, b"s" * 32)


def ingest(path: Path, is_central: bool, contract: Contract | None, region: Region) -> tuple[Dataset, float]:
    """The data set and the processor seconds it took, reading the file apart."""
    reader, seconds = Ingest(_setup(contract, is_central), region), 0.0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            start = time.process_time()
            reader.feed(piece)
            seconds += time.process_time() - start
    start = time.process_time()
    dataset = reader.finish()
    if dataset is None:
        raise ValueError(reader.findings)
    return dataset, seconds + time.process_time() - start


def _first_contract(path: Path) -> Contract:
    reader = Ingest(_setup(None, True), Region(mmap.mmap(-1, 1 << 24)))
    with path.open("rb") as file:
        head = file.read(1 << 18)
    reader.feed(head[: head.rfind(b"\n") + 1])
    dataset = reader.finish()
    if dataset is None:
        raise ValueError(reader.findings)
    return dataset.contract


def main(kind: str, path: Path) -> dict[str, float]:
    if kind == "pandas":
        pd.read_csv(io.BytesIO(b"x\n1\n"))
        start = time.process_time()
        pd.read_csv(path)
        return {"seconds": time.process_time() - start}
    is_central = kind != "site"
    contract = None if is_central else _first_contract(path)
    region = Region(mmap.mmap(-1, 1 << 33))
    before = _memory("VmRSS")
    dataset, seconds = ingest(path, is_central, contract, region)
    peak = _memory("VmHWM") - before
    imputations = live(dataset, region, is_central)
    if kind != "result":
        return {"seconds": seconds, "peak": peak, "life": _memory("VmHWM") - before}
    return _result(path, dataset, imputations)


def live(dataset: Dataset, region: Region, is_central: bool) -> Imputations:
    """What a gate does with a data set until the first imputation: pre-flight, layout, margins, units, start values, two sweeps."""
    policy = built_in("research")
    found = survey(dataset, policy, region, is_central=is_central, central_intercept=False)
    rows = found.rows
    if rows is None:
        raise ValueError(found.findings)
    # A pair with fits of its own looks at the rows once more.
    need_findings(load_pair(ROOT / "algorithms" / "AVGMMICE").manifest, dataset, rows, policy, ridge=0.0, is_central=is_central)
    imputations = Imputations(found.mask, [rows], int(is_central), region)
    units = Units(np.full(COLUMNS, 0.01), np.ones(COLUMNS), np.zeros(COLUMNS), np.zeros(COLUMNS, dtype=bool))
    kernels.margins(rows)
    list(kernels.fits(rows, units))
    draws = RowDraws(b"sixteen bytes...")
    rows.standardise(units.centre, units.scale, kernels.start_values(rows, units, {}))
    for sweep in (1, 2):
        for target in rows.targets:
            parts = kernels.gram(rows, units, target).parts
            noise = draws.normal(target, sweep, rows.missing_rows(target), rows.noise)
            kernels.draw(rows, units, target, np.linalg.solve(parts["XX"], parts["Xy"]), 0.9, noise)
    imputations.keep(units, 0)
    return imputations


def _result(path: Path, dataset: Dataset, imputations: Imputations) -> dict[str, float]:
    start = time.process_time()
    pieces = list(ResultWriter(dataset, imputations).completed(1))
    completed = (time.process_time() - start) / sum(map(len, pieces))
    text = b"".join(pieces)[: 40 << 20]
    frame = pd.read_csv(path, nrows=40_000)
    start = time.process_time()
    written = frame.to_csv(index=False)
    to_csv = (time.process_time() - start) / len(written)
    seconds, sizes = {}, {}
    for name, module, level in (("deflate", isal_zlib, _LEVEL), ("zlib", zlib, 6)):
        start = time.process_time()
        squeeze = module.compressobj(level, module.DEFLATED, -15)
        sizes[name] = len(squeeze.compress(text)) + len(squeeze.flush())
        seconds[name] = time.process_time() - start
    sized = {f"{name}_bytes": float(size) for name, size in sizes.items()}
    return {"completed": 1e6 * completed, "to_csv": 1e6 * to_csv, **seconds, **sized}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
