"""A card: all that a site's gate does with a file after its upload, in sweeps of the gate's kernels on the same file, and its memory

Processor time of one thread: admission, sketch, own rows, card. A sweep fits and draws each target; completing a file is 20 of them, and
what makes it canonical. The peak of memory is the process's, region and heap, less what it had before the file; the file is in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from policies import built_in
from policies.life_budget import error_size
from sandbox.gate.admission import admit
from sandbox.gate.card import Wants, make_card
from sandbox.gate.dataset import Dataset
from sandbox.gate.own_rows import complete
from sandbox.gate.region import Region
from sandbox.gate.sketch import make_sketch
from sandbox.gate.sticky import Errors
from tests.benchmarks.kernels import SIZES, THREADS, Gate, make_dataset, make_rows, quiet
from tests.benchmarks.row import Row

MAX_SWEEPS: Final = 25.0
MAX_SWEEPS_OF_OWN_ROWS: Final = 15.0
MAX_MATRICES: Final = 2.2
TURNS: Final = 4
SECRET: Final = b"a secret of the site, 32 bytes.."
Stages = dict[str, float]
T = TypeVar("T")


def rows() -> Iterator[Row]:
    for n, columns, *_ in SIZES:
        found = _child(n, columns)
        what = f"card of {n:,} × {columns}, 3 continuous + 2 binary incomplete"
        yield Row(what, found["whole"], "ms", found["sweep"], "one sweep", None, MAX_SWEEPS)
        yield Row("of it own rows", found["own rows"], "ms", found["sweep"], "the same", None, MAX_SWEEPS_OF_OWN_ROWS)
        for stage in ("admission", "sketch", "card"):
            yield Row(f"of it {stage}", found[stage], "ms", found["sweep"], "the same")
        yield Row("peak memory of it", found["peak"] / 1e6, "MB", n * columns * 8 / 1e6, "the values", None, MAX_MATRICES)


def _child(n: int, columns: int) -> dict[str, float]:
    env = {**os.environ, **dict.fromkeys(THREADS, "1")}
    arguments = [sys.executable, "-m", "tests.benchmarks.card", str(n), str(columns)]
    done = subprocess.run(arguments, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def make(dataset: Dataset, region: Region) -> Stages:
    """Processor milliseconds of each stage, as a gate goes through them."""
    contract, policy, stages = dataset.contract, built_in("default"), Stages()
    fits = tuple(index for index in contract.targets if contract.column(index).is_binary)

    def timed(stage: str, work: Callable[[], T]) -> T:
        start = time.process_time()
        made = work()
        stages[stage] = 1e3 * (time.process_time() - start)
        return made

    timed("admission", lambda: admit(dataset, policy, fits=fits))
    timed("sketch", lambda: make_sketch(dataset, SECRET))
    own = timed("own rows", lambda: complete(dataset, SECRET, region))
    errors = Errors(SECRET, b"life", error_size(policy, dataset.n_rows))
    timed("card", lambda: make_card(own, contract, errors, policy, Wants(fits)))
    return stages


def _memory(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def main(n: int, columns: int) -> dict[str, float]:
    """Milliseconds of the quietest turn of each stage, as of a sweep, and the bytes at the peak of the first turn."""
    turns: list[Stages] = []
    before, peak = _memory("VmRSS"), 0
    for turn in range(TURNS):
        dataset, region = make_dataset(n, columns, 2)[:2]
        # The peak of making the file is not that of what is done with it.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        turns.append(make(dataset, region))
        peak = peak if turn else _memory("VmHWM") - before
        del dataset, region
    gate = Gate(*make_rows(n, columns, 2)[:3])
    quietest = {stage: min(stages[stage] for stages in turns) for stage in turns[0]}
    return quietest | {"whole": sum(quietest.values()), "peak": float(peak)} | quiet(2, sweep=gate.sweep)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(int, sys.argv[1:]))))
