"""Checks of a message of sums: all rules on 512 micro-blocks, against one pass over what they contribute

Processor time of one thread. The message is X'X, X'y, y'y of p columns and an intercept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from policies import built_in
from sandbox.gate.verification import Verifier, check_lattice, check_values, sorted_cells
from sandbox.supervisor import environment
from tests.benchmarks.kernels import quiet
from tests.benchmarks.row import Row

N_BLOCKS: Final = 512
ROWS_OF_BLOCK: Final = 40
SIZES: Final = ((50, 60.0), (10, 5.0))
POLICY: Final = built_in("default")
TIMES: Final = 9


def rows() -> Iterator[Row]:
    for p, limit in SIZES:
        command = [sys.executable, "-m", "tests.benchmarks.verification", str(p)]
        done = subprocess.run(command, env=environment(1), cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        size, against = f"M = {N_BLOCKS}, q = {found['q']:,.0f}", "Σ|C|"
        yield Row(f"first message, {size}", found["first"], "ms", found["pass"], against, limit)
        yield Row(f"second message, {size}", found["second"], "ms", found["pass"], against, 1.5 * limit)
        yield Row(f"cells and lattices, {size}", found["notices"], "ms", found["pass"], against)


def main(p: int) -> dict[str, float]:
    """Milliseconds of the checks of one message with p columns."""
    random, n = np.random.default_rng(1), N_BLOCKS * ROWS_OF_BLOCK
    data = np.column_stack([np.ones(n), random.normal(size=(n, p + 1))])
    sizes = np.full(N_BLOCKS, float(ROWS_OF_BLOCK))
    first = _moments(data)
    data[: n // 5, 2] = random.normal(size=n // 5)
    second = _moments(data)
    judge = Verifier(sizes, POLICY, 13, random, is_reviewed=True)
    cells = sorted_cells(data[:, 1:].T)

    def begin() -> None:
        begun = Verifier(sizes, POLICY, 13, random, is_reviewed=True)
        assert begun.check("moments", first.sum(axis=0), first) == []

    def go_on() -> None:
        assert judge.check("moments", second.sum(axis=0), second) == []

    def notice() -> None:
        assert check_values(first.sum(axis=0), cells) == []
        assert check_lattice(first, sizes, POLICY, random) == []

    begin_ms = quiet(TIMES, begin=begin)["begin"]
    assert judge.check("moments", first.sum(axis=0), first) == []
    judge.accept("moments", first)
    found = quiet(TIMES, second=go_on, notices=notice, **{"pass": lambda: np.abs(first).sum(axis=0)})
    return {"first": begin_ms, **found, "q": first.shape[1]}


def _moments(data: np.ndarray) -> np.ndarray:
    """Contributions of blocks of rows that follow each other, shape (M, q); the last column is the outcome."""
    blocks = data.reshape(N_BLOCKS, ROWS_OF_BLOCK, -1)
    products = blocks.transpose(0, 2, 1) @ blocks
    X = products[:, :-1, :-1].reshape(N_BLOCKS, -1)
    return np.concatenate([X, products[:, :-1, -1], products[:, -1, -1:]], axis=1)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
