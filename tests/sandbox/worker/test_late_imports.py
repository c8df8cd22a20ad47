"""A locked worker cannot open a file: nothing that a pair or the runner calls may import a module it has not imported before."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import copy
import sys
import numpy as np
from sandbox.manifest import parse_manifest
from sandbox.scaffold import MANIFEST
import sandbox.worker.serve
from sandbox.worker.compilation import compile_module
from sandbox.worker.facades import MODULES
from sandbox.worker.randomness import Randomness
from sandbox.estimation.aggregates import Gradient, Gram, Score, SelectionScore, SiteFit
from sandbox.estimation.linear import least_squares
from sandbox.estimation.logistic import logistic

ONES, EYE = np.ones(3), np.eye(3)
SCORE = lambda beta: Score(50, EYE, -beta, 0.0, 0.0)
ARGUMENTS = [
    (EYE,), (EYE, ONES), (ONES,), (ONES, ONES), (3,), (0, 1, 3), (1.5,), ([EYE],), (ONES, 1), (ONES, 1, 2), (3, 1.0),
    (EYE > 0, EYE, EYE), ("ij->ji", EYE), ((EYE, True), ONES), (Gram(50, EYE, ONES, 50.0),),
    (SCORE, ONES), (ONES, (3, 1)),
    ([SiteFit(50, ONES, EYE, 9.0)],), (Gram(50, EYE, ONES, 50.0), least_squares(Gram(50, EYE, ONES, 50.0)), [Gradient(50, ONES)]),
    (SCORE, logistic(SCORE, ONES), [Gradient(50, ONES)]),
    (lambda theta: SelectionScore(50, 40, np.eye(7), -theta, 0.0, 0.0), 3, "gaussian"),
]
events = []
sys.addaudithook(lambda event, args: events.append((event, str(args[0]))) if event in ("open", "import", "os.listdir") else None)
functions = [(n, k, v) for n, m in MODULES.items() for k, v in m._members.items() if callable(v) and not isinstance(v, type)]
called = set()
for module, name, function in functions:
    for arguments in ARGUMENTS:
        try:
            function(*copy.deepcopy(arguments))
            called.add((module, name))
        except Exception:
            pass
rng = Randomness(1, "00", "00")
rng.normal(3), rng.chisquare(3.0), rng.uniform(2)
parse_manifest(MANIFEST.format(name="A").encode())
module = compile_module("def f(x):\\n    r\\xe9sum\\xe9 = f'{x} {x.mean()} {x!r}'\\n    return x.std()\\n".encode(), 1000)
module.functions["f"](np.ones(3))
compile_module(b"import os\\nimport re\\n", 1000), compile_module(b"def f(:", 1000)
untried = {(m, n) for m, n, _ in functions} - called
# CPython looks for the text of a line with a syntax error in a file of that name; the lockdown answers EPERM, which it takes for "no file".
print(sorted(set(events) - {("open", "<pair>")}))
print(sorted(untried))
"""


def test_facades_runner_and_compiler_import_nothing_late() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.split() == ["[]", "[]"]
