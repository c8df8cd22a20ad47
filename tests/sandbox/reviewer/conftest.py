"""A file of known people, jobs about it, and sites of real locked processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from policies import Policy, built_in
from policies.wide_open import wide_open
from sandbox.job import parse_job
from sandbox.manifest import load_pair
from sandbox.reviewer.session import Session, make_secret

ALGORITHMS = Path(__file__).parents[3] / "algorithms"
N = 400
MANY = """
imputations = 1
iteration_before_first_imputation = 30
seed = 1
[[targets]]
column = "lab"
type = "continuous"
[[targets]]
column = "event"
type = "binary"
[columns]
patient = "ignored"
"""
ONE = """
imputations = 1
seed = 1
[[targets]]
column = "event"
type = "binary"
[columns]
patient = "ignored"
"""
HDMI = ONE + '[parameters]\nexclusion = "sex"\n'
JOBS = {"SIMICE": MANY, "AVGMMICE": MANY, "CSLMICE": MANY, "SIMI": ONE, "HDMI": HDMI}

NewSite = Callable[..., Session]


def people(n: int = N, seed: int = 7) -> dict[str, np.ndarray]:
    """Columns by name; NaN is missing."""
    random = np.random.default_rng(seed)
    age, sex = np.round(random.normal(60, 9, n)), (random.random(n) < 0.5).astype(float)
    lab = np.round((age - 60) / 9 + random.normal(size=n), 2)
    event = (random.random(n) < 0.4).astype(float)
    lab[random.choice(n, n // 5, replace=False)] = np.nan
    event[random.choice(n, n // 4, replace=False)] = np.nan
    return {"patient": np.arange(n, dtype=float), "age": age, "sex": sex, "lab": lab, "event": event}


def write(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """A CSV of these columns."""
    rows = zip(*columns.values(), strict=True)
    lines = [",".join("NA" if np.isnan(cell) else f"{cell:g}" for cell in row) for row in rows]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "site.csv", people())


@pytest.fixture
def new_site(table: Path) -> Iterator[NewSite]:
    """Makes sites with the file uploaded; their processes end with the test."""
    with ExitStack() as stack:

        def make(pair: str = "SIMICE", policy: Policy | str = "open", secret: str | None = None, job: str | None = None) -> Session:
            chosen = policy if isinstance(policy, Policy) else wide_open() if policy == "open" else built_in(policy)
            site = Session(load_pair(ALGORITHMS / pair), parse_job(job or JOBS[pair]), chosen, make_secret(secret))
            stack.enter_context(site).upload(table)
            return site

        yield make
