"""Pairs that see rows, written in plain NumPy as an ordinary author would: they pass, and give what the blind pairs give."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sandbox.errors import Code, TidegateError
from sandbox.manifest import Pair

pytestmark = pytest.mark.asyncio(loop_scope="package")
GOOD = Path(__file__).parent / "good"
ALGORITHMS = Path(__file__).parents[2] / "algorithms"
SPREAD_OF_Y = 1.4


@contextmanager
def one_digest() -> Iterator[None]:
    """Both pairs draw the same numbers: draws depend on the digest of a pair, so that two of them share none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pair, "digest", property(lambda _: "5a" * 32))
        yield


def imputed(result: dict[str, object], number: int) -> np.ndarray:
    (name,) = [name for name in result["files"] if name.endswith(f"imputed_{number:03d}.csv")]
    with Path(name).open(newline="", encoding="utf-8") as file:
        return np.array(list(csv.reader(file))[1:], dtype=float)


@pytest.mark.parametrize(
    ("plain", "blind", "kind"),
    [
        ("PlainSIMI", "SIMI", "continuous"),
        ("PlainSIMI", "SIMI", "binary"),
        ("PlainSIMICE", "SIMICE", "continuous"),
        ("PlainSIMICE", "SIMICE", "binary"),
    ],
)
async def test_plain_numpy_that_sees_rows_imputes_what_the_blind_pair_does_to_rounding(run_pair, plain: str, blind: str, kind: str) -> None:
    with one_digest():
        # Answers of a blind pair's sites are exact under this policy only.
        seen = await run_pair(GOOD / plain, kind, "research")
        unseen = await run_pair(ALGORITHMS / blind, kind, "research")
    for number in (1, 2):
        difference = np.abs(imputed(seen, number) - imputed(unseen, number))
        assert difference.max() < 1e-6 * SPREAD_OF_Y


async def test_the_average_of_verified_estimates_is_that_of_the_gates_own_fits(run_pair) -> None:
    seen = await run_pair(GOOD / "PlainAVGMMI", "binary", "research")
    unseen = await run_pair(ALGORITHMS / "AVGMMI", "binary", "research")
    found, expected = seen["fits"]["y"], unseen["fits"]["y"]
    spread = np.sqrt(np.diag(np.asarray(expected["covariance"])))
    assert np.all(np.abs(np.asarray(found["beta"]) - expected["beta"]) < 2e-3 * spread)
    assert found["n"] == expected["n"]


@pytest.mark.parametrize(("policy", "reviewed"), [("strict", True), ("default", False), ("strict", False)])
async def test_a_policy_that_does_not_let_code_see_rows_stops_it_before_the_start(run_pair, policy: str, reviewed: bool) -> None:
    with pytest.raises(TidegateError) as stopped:
        await run_pair(GOOD / "PlainSIMI", policy=policy, rows_reviewed=reviewed)
    assert stopped.value.code is Code.RULE_ROWS_ACCESS


async def test_unreviewed_code_runs_under_research_with_coarse_sums_only(run_pair) -> None:
    coarse = await run_pair(GOOD / "PlainSIMI", policy="research", rows_reviewed=False)
    fine = await run_pair(GOOD / "PlainSIMI", policy="research")
    rough, exact = coarse["fits"]["y"], fine["fits"]["y"]
    difference = np.abs(np.asarray(rough["beta"]) - exact["beta"]) / np.sqrt(np.diag(np.asarray(exact["covariance"])))
    assert 1e-5 < difference.max() < 0.3
