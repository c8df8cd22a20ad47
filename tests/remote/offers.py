"""Offers of central for the tests of the runs: the bundled pair SIMICE and small synthetic data."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec

from sandbox.contract import Column, Contract
from sandbox.job import JobSpec, Target
from sandbox.manifest import Pair, load_pair, make_pair
from sandbox.wire.link import BoardRow, JobOffer, JobState

ALGORITHMS = Path(__file__).parents[2] / "algorithms"
PAIRS = Path(__file__).parents[1] / "pairs" / "good"
CONTRACT = Contract((Column("age", "predictor"), Column("dose", "predictor"), Column("score", "target", "continuous")))
CANARY = "63.471108151"


def simice() -> Pair:
    return load_pair(ALGORITHMS / "SIMICE")


def sees_rows() -> Pair:
    """A pair whose remote module is lent rows."""
    return load_pair(PAIRS / "PlainSIMI")


def broken_pair() -> Pair:
    """A pair whose remote module the source rules refuse."""
    pair = simice()
    return make_pair(pair.manifest_bytes, pair.central_source, b"import socket\n" + pair.remote_source)


def offer(pair: Pair | None = None, **changes: Any) -> JobOffer:
    pair = pair or simice()
    made = JobOffer(
        job_id="j1",
        name="Heart study",
        state=JobState.WAITING,
        central_source=pair.central_source,
        remote_source=pair.remote_source,
        manifest=pair.manifest_bytes,
        digest=pair.digest,
        spec=JobSpec((Target("score", "continuous"),), seed=7, imputations=2),
        contract=CONTRACT,
        board=(BoardRow("central", "Central", True), BoardRow("site-a", "Hospital A", True)),
        participants=("site-a", "site-b"),
    )
    return msgspec.structs.replace(made, **changes)


def csv(n_rows: int = 300, header: str = "age,dose,score") -> bytes:
    """Rows with a canary in the first one; every fifth score is missing."""
    dice = random.Random(1)
    lines = [header, f"{CANARY},5.1,72.9"]
    for row in range(n_rows - 1):
        age, dose = dice.gauss(60, 9), dice.gauss(5, 1)
        score = "NA" if row % 5 == 0 else f"{age + 2 * dose + dice.gauss(0, 3):.3f}"
        lines.append(f"{age:.2f},{dose:.3f},{score}")
    return ("\n".join(lines) + "\n").encode()
