"""What a job costs on the network: a site is asked for its margins and its card, once more where a common point is due, and never again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

NAMES = "y,b,x1,x2"
ROWS = 1500
ONE = ["SIMI", "AVGMMI", "CSLMI", "HDMI"]
MANY = ["SIMICE", "AVGMMICE", "CSLMICE"]


def write(folder: Path, n_events: int) -> list[Path]:
    """Central and two sites with a continuous and a binary target, the latter with so many ones at each."""
    paths = []
    for number in range(3):
        rng = np.random.default_rng(number)
        x = rng.normal(size=(ROWS, 2))
        leaning = x[:, 0] + rng.normal(size=ROWS)
        b = (leaning >= np.sort(leaning)[-n_events]).astype(int)
        y = x @ [1.0, -0.5] + 0.5 * b + rng.normal(size=ROWS)
        holes = rng.random((ROWS, 2)) < 0.2
        # Every event is seen, so that their number is known here.
        holes[:, 1] &= b == 0
        cells = zip(np.where(holes[:, 0], "NA", y.astype(str)), np.where(holes[:, 1], "NA", b.astype(str)), x, strict=True)
        paths.append(folder / f"part{number}.csv")
        paths[-1].write_text("\n".join([NAMES, *(f"{y},{b},{x1},{x2}" for y, b, (x1, x2) in cells)]) + "\n", encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """As many ones as zeros."""
    return write(tmp_path_factory.mktemp("common"), ROWS // 2)


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Fewer than four ones per coefficient even of the smaller model, and as many as a policy lets a value have."""
    return write(tmp_path_factory.mktemp("rare"), 10)


def job(*targets: str, before: int = 2, between: int = 1, m: int = 1, **parameters: Any) -> dict[str, Any]:
    types = {"y": "continuous", "b": "binary"}
    return {
        "imputations": m,
        "iteration_before_first_imputation": before,
        "iteration_between_imputations": between,
        "seed": 2,
        "targets": [{"column": name, "type": types[name]} for name in targets],
        "columns": {name: "ignored" for name in types if name not in targets},
        "parameters": parameters,
    }


def questions(result: dict[str, Any]) -> set[int]:
    """How many messages the sites were sent."""
    return {released["messages"] for name, released in result["released"].items() if name != "central"}


@pytest.mark.parametrize("policy", ["default", "strict"])
@pytest.mark.parametrize("target", ["y", "b"])
@pytest.mark.parametrize("pair", ONE)
async def test_a_job_of_one_target_asks_a_site_twice_whatever_it_imputes(
    simulate, parts: list[Path], pair: str, target: str, policy: str
) -> None:
    more = {"exclusion": "x2"} if pair == "HDMI" else {}
    result = await simulate(pair, job(target, m=7, **more), parts[0], parts[1:], policy)
    assert questions(result) == {2}
    assert result["round_trips"] == 2
    assert result["imputations"] == 7


@pytest.mark.parametrize(("before", "between", "m", "chains"), [(2, 1, 1, 1), (9, 3, 4, 1), (4, 2, 6, 3)])
@pytest.mark.parametrize("pair", MANY)
async def test_a_job_of_many_targets_asks_a_site_twice_whatever_its_sweeps_imputations_and_chains(
    simulate, parts: list[Path], pair: str, before: int, between: int, m: int, chains: int
) -> None:
    spec = job("y", "b", before=before, between=between, m=m, chains=chains)
    result = await simulate(pair, spec, parts[0], parts[1:])
    assert questions(result) == {2}
    assert result["imputations"] == m


@pytest.mark.parametrize("pair", ["SIMI", "SIMICE", "AVGMMICE"])
async def test_a_site_is_asked_once_more_where_a_target_has_few_events_and_the_policy_answers_points(
    simulate, rare: list[Path], pair: str
) -> None:
    targets = ("b",) if pair == "SIMI" else ("y", "b")
    for m in (1, 4):
        result = await simulate(pair, job(*targets, before=3 * m, m=m), rare[0], rare[1:], out=str(m))
        assert questions(result) == {3}
        assert result["round_trips"] == 3
    assert questions(await simulate(pair, job(*targets), rare[0], rare[1:], "strict", out="strict")) == {2}


async def test_a_site_that_answers_exactly_is_asked_as_often_as_the_pair_likes(simulate, parts: list[Path]) -> None:
    results = [await simulate("SIMICE", job("y", before=n), parts[0], parts[1:], "research", out=str(n)) for n in (2, 6)]
    # Margins, card, and a question a sweep: draws travel with the next.
    assert [result["round_trips"] for result in results] == [2 + 2, 2 + 6]


async def test_imi_asks_no_site_but_for_the_first_round(simulate, parts: list[Path]) -> None:
    result = await simulate("IMICE", job("y", "b", before=3), parts[0], parts[1:])
    assert result["round_trips"] == 1
    alone = await simulate("IMICE", job("y", "b", before=3), parts[0], out="alone")
    assert alone["round_trips"] == 0
