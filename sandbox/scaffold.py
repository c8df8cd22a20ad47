"""The three files of a new pair, as `tidegate new` writes them: a working one-target imputation to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sandbox.errors import Code, InputError
from sandbox.manifest import MANIFEST_NAME, parse_manifest

MANIFEST: Final = """\
name = "{name}"
version = "0.1.0"
title = "One sentence that says what the algorithm does"
reference = ""
access = "blind"

[capabilities]
targets = "one"
target_types = ["continuous"]
mechanism = "MAR"

[parameters.properties.ridge]
type = "number"
default = 0.0
minimum = 0.0
title = "Ridge, in standardised units"
description = "Added to the diagonal of X'X, never to the intercept. 0 for none."

[steps.moments.request]
target = {{ type = "column" }}
[steps.moments.reply]
moments = {{ kind = "gram" }}

[steps.impute.request]
target = {{ type = "column" }}
beta = {{ type = "float", shape = ["q"] }}
sigma = {{ type = "float" }}
[steps.impute.reply]
"""

CENTRAL: Final = '''\
"""Central module: sees aggregates only. `sites.sum` adds the replies of all participants, central included."""

from tidegate import estimation


def impute(job, sites):
    target = job.targets[0].column
    totals = sites.sum("moments", target=target)
    fit = estimation.least_squares(totals["moments"], ridge=job.parameters["ridge"])
    job.record_fit(target, fit)
    for sweep in job.sweeps():
        beta, sigma = fit.draw(job.rng)
        sites.central("impute", target=target, beta=beta, sigma=sigma)
        job.keep_imputation()
'''

REMOTE: Final = '''\
"""Remote module: runs at every site, names kernels of the gate, never sees a row."""


def moments(rows, target):
    return {"moments": rows.gram(where=rows.observed(target))}


def impute(rows, target, beta, sigma):
    rows.draw(target, family="gaussian", beta=beta, sigma=sigma)
'''


ROWS_MANIFEST: Final = """\
name = "{name}"
version = "0.1.0"
title = "One sentence that says what the algorithm does"
reference = ""
access = "rows"

[capabilities]
targets = "one"
target_types = ["continuous"]
mechanism = "MAR"

[steps.moments.request]
target = {{ type = "column" }}
[steps.moments.reply]
n = {{ kind = "count" }}
XX = {{ kind = "sum", shape = ["q", "q"] }}
Xy = {{ kind = "sum", shape = ["q"] }}
yy = {{ kind = "sum" }}

[steps.impute]
fills = "target"
draws = "normal"
at = "central"
[steps.impute.request]
target = {{ type = "column" }}
beta = {{ type = "float", shape = ["q"] }}
sigma = {{ type = "float" }}
"""

ROWS_CENTRAL: Final = '''\
"""Central module: sees aggregates only. `sites.sum` adds the replies of all participants, central included."""

from tidegate import estimation


def impute(job, sites):
    target = job.targets[0].column
    total = sites.sum("moments", target=target)
    fit = estimation.least_squares(estimation.Gram(total["n"], total["XX"], total["Xy"], total["yy"]))
    job.record_fit(target, fit)
    for sweep in job.sweeps():
        beta, sigma = fit.draw(job.rng)
        sites.central("impute", target=target, beta=beta, sigma=sigma)
        job.keep_imputation()
'''

ROWS_REMOTE: Final = '''\
"""Remote module: is lent rows, a few at a time or all. Whatever it answers must add up over any split of them: the gate compares."""

import numpy as np


def moments(rows, target):
    seen = rows.observed(target)
    X = rows.design(target)[seen]
    y = rows.outcome(target)[seen]
    return {"n": np.sum(seen), "XX": X.T @ X, "Xy": X.T @ y, "yy": y @ y}


def impute(rows, target, beta, sigma):
    rows.fill(target, rows.design(target) @ beta + sigma * rows.normal())
'''


def make_pair(name: str, folder: Path, *, sees_rows: bool = False) -> Path:
    """Write the pair `name` into `folder/name`. Raises :class:`InputError` for a bad name or a folder that exists."""
    template, central, remote = (ROWS_MANIFEST, ROWS_CENTRAL, ROWS_REMOTE) if sees_rows else (MANIFEST, CENTRAL, REMOTE)
    manifest = template.format(name=name)
    parse_manifest(manifest.encode())
    target = folder / name
    if target.exists():
        raise InputError(Code.PAIR_SOURCE, module=str(target), reason="already exists")
    target.mkdir(parents=True)
    for file, text in ((MANIFEST_NAME, manifest), (f"{name}Central.py", central), (f"{name}Remote.py", remote)):
        (target / file).write_text(text, encoding="utf-8")
    return target
