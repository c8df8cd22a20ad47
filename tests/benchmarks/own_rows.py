"""A site's own rows: completing a file once, in sweeps of the gate's kernels on the same file, and the memory that it takes

Processor time of one thread. A sweep fits and draws each target; completing a file is 20 of them, and what makes it canonical.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sandbox.gate.own_rows import complete
from tests.benchmarks.kernels import SIZES, THREADS, Gate, make_dataset, make_rows, quiet
from tests.benchmarks.row import Row

MAX_SWEEPS: Final = 15.0
"""Of the 25 that a card may take in all."""
MAX_MATRICES: Final = 2.2
TURNS: Final = 3


def rows() -> Iterator[Row]:
    for n, columns, *_ in SIZES:
        found = _child(n, columns)
        what = f"completing {n:,} × {columns}, 3 continuous + 2 binary incomplete"
        yield Row(what, found["complete"], "ms", found["sweep"], "one sweep", None, MAX_SWEEPS)
        yield Row(what, found["bytes"] / 1e6, "MB", n * columns * 8 / 1e6, "the values", None, MAX_MATRICES)


def _child(n: int, columns: int) -> dict[str, float]:
    env = {**os.environ, **dict.fromkeys(THREADS, "1")}
    arguments = [sys.executable, "-m", "tests.benchmarks.own_rows", str(n), str(columns)]
    done = subprocess.run(arguments, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(n: int, columns: int) -> dict[str, float]:
    """Processor milliseconds of the quietest of some runs, and the bytes of the region."""
    gate = Gate(*make_rows(n, columns, 2)[:3])
    found = quiet(2, sweep=gate.sweep)
    del gate
    seconds, n_bytes = [], 0
    for _ in range(TURNS):
        dataset, region, _ = make_dataset(n, columns, 2)
        start = time.process_time()
        complete(dataset, b"a secret of the site, 32 bytes..", region)
        seconds.append(time.process_time() - start)
        n_bytes = region.wipe()
    return found | {"complete": 1e3 * min(seconds), "bytes": float(n_bytes)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(int, sys.argv[1:]))))
