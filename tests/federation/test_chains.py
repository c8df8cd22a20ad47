"""Jobs of several chains, from the job file to the zip, over real gates and workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.federation.test_federated_equals_pooled import JOB, MIXED, PARTS, cells, largest_difference, pooled_rows, write


def chained(n_chains: int, imputations: int, job: dict[str, Any] = JOB, **more: Any) -> dict[str, Any]:
    return {**job, "imputations": imputations, "parameters": {"chains": n_chains}, **more}


def imputed(folder: Path, n: int) -> list[bytes]:
    return [(folder / f"imputed_{number:03}.csv").read_bytes() for number in range(1, n + 1)]


async def test_four_chains_at_three_complete_sites_impute_what_four_chains_do_with_all_rows_at_central(
    simulate, exact, tmp_path: Path
) -> None:
    header, rows = pooled_rows(5, with_binary=False)
    scale = np.nanstd(np.array([[float(c) if c != "NA" else np.nan for c in row] for row in rows]), axis=0)
    job = chained(4, 6)
    await simulate("SIMICE", job, write(tmp_path / "all.csv", header, rows), (), exact, out="pooled")
    files = [write(tmp_path / f"{n}.csv", header, part) for n, part in enumerate((rows[:900], rows[900:1200], rows[1200:]))]
    await simulate("SIMICE", job, files[0], files[1:], exact, out="split")
    for number in range(1, 7):
        assert largest_difference(cells(tmp_path / "split", number), cells(tmp_path / "pooled", number), scale) < 1e-11


@pytest.mark.parametrize("pair", ["SIMICE", "AVGMMICE", "CSLMICE"])
async def test_four_chains_cost_the_round_trips_of_one_as_long_at_sites_that_answer_exactly(simulate, tmp_path: Path, pair: str) -> None:
    one = await simulate(pair, chained(1, 2), PARTS[0], PARTS[1:], "research", out="one")
    four = await simulate(pair, chained(4, 8), PARTS[0], PARTS[1:], "research", out="four")
    # Margins and card; two targets and three sweeps, then two more, one question each.
    assert four["round_trips"] == one["round_trips"] == 2 + 2 * (3 + 2)
    assert four["released"]["continuous_remote1"]["messages"] == four["round_trips"]
    questions = [result["released"]["continuous_remote1"]["scalars"] for result in (one, four)]
    margins, card = 3 * 10, (1 + 10 + 20 + 11 * 11 + 3) + 2 * (1 + 11 * 11)
    assert questions[1] - margins - card == 4 * (questions[0] - margins - card), "every chain's numbers are counted"


@pytest.mark.parametrize("pair", ["SIMICE", "AVGMMICE", "CSLMICE", "IMICE"])
async def test_the_first_chain_of_many_imputes_what_a_job_of_one_does(simulate, tmp_path: Path, pair: str) -> None:
    header, rows = pooled_rows(6, with_binary=True)
    files = [write(tmp_path / f"{n}.csv", header, part) for n, part in enumerate((rows[:800], rows[800:1700], rows[1700:]))]
    alone = await simulate(pair, chained(1, 2, MIXED), files[0], files[1:], out="one")
    result = await simulate(pair, chained(3, 5, MIXED), files[0], files[1:], out="three")
    assert result["imputations"] == 5
    assert result["fits"] == alone["fits"], "the report shows the fits of the first chain"
    one, three = imputed(tmp_path / "one", 2), imputed(tmp_path / "three", 5)
    # Imputations 1 and 4 are the first chain's.
    assert [three[0], three[3]] == one
    assert len(set(three)) == 5


async def test_the_same_seed_gives_the_same_bytes_in_every_chain(simulate, tmp_path: Path) -> None:
    for out in ("a", "b"):
        await simulate("SIMICE", chained(3, 3, MIXED | {"targets": JOB["targets"]}), PARTS[0], PARTS[1:], "default", out=out)
    assert imputed(tmp_path / "a", 3) == imputed(tmp_path / "b", 3)


def parts_and_sum(path: Path, noise: float, n: int = 300) -> Path:
    """Two targets and their sum, two of the three missing where any is. With hardly any noise each is what the others leave, and no cell
    moves: the weight, height and body-mass index of van Buuren's book (2018, section 6.5.2)."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=n)
    y, z = draw.normal(size=n) + x, draw.normal(size=n)
    cells_ = np.column_stack([y, z, y + z + noise * draw.normal(size=n)]).astype(str)
    for row in range(0, n, 2):
        cells_[row, [row // 2 % 3, (row // 2 + 1) % 3]] = "NA"
    lines = [",".join([*cells_[row], str(x[row])]) for row in range(n)]
    path.write_text("\n".join(["y,z,w,x", *lines]) + "\n", encoding="utf-8")
    return path


async def test_rhat_between_chains_tells_a_job_that_has_settled_from_one_that_has_not(simulate, tmp_path: Path) -> None:
    job = {
        "iteration_between_imputations": 5,
        "seed": 3,
        "targets": [{"column": name, "type": "continuous"} for name in "yzw"],
    }
    found = {}
    for out, noise in (("settled", 3.0), ("stuck", 0.02)):
        rows = parts_and_sum(tmp_path / f"{out}.csv", noise)
        await simulate("SIMICE", chained(4, 4, job, iteration_before_first_imputation=60), rows, (), out=out)
        run = json.loads((tmp_path / out / "run.json").read_text())
        found[out] = {name: numbers["mean"]["rhat_between_chains"] for name, numbers in run["diagnostics"]["chains"].items()}
        warned = {event["target"] for event in run["events"] if event["code"] == "event.not_mixed"}
        assert bool(warned) is (out == "stuck")
        assert "Rhat between the chains" in " ".join((tmp_path / out / "methods.txt").read_text().split())
        assert "taken in turn from 4 independent chains" in " ".join((tmp_path / out / "methods.txt").read_text().split())
    assert all(0.95 < rhat < 1.1 for rhat in found["settled"].values()), found
    assert all(rhat > 1.5 for rhat in found["stuck"].values()), found


async def test_the_report_has_every_chain(simulate, tmp_path: Path) -> None:
    await simulate("SIMICE", chained(4, 6), PARTS[0], PARTS[1:])
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["data"]["schedule"]["chains"] == 4
    assert run["data"]["schedule"]["kept_from_chain"] == [1, 2, 3, 4, 1, 2]
    assert run["data"]["schedule"]["sweeps_kept"] == [2, 2, 2, 2, 4, 4]
    assert [len(chain) for chain in run["data"]["chains"]["x1"]["mean"]] == [5, 5, 3, 3]
    lines = (tmp_path / "out" / "trace.svg").read_text()
    assert "each sweep of a chain (4 chains)" in lines


async def test_more_chains_than_a_policy_accepts_are_refused_before_anything_is_asked(simulate) -> None:
    with pytest.raises(Exception, match="9 chains side by side") as caught:
        await simulate("SIMICE", chained(9, 9), PARTS[0], PARTS[1:], "default")
    assert caught.value.code.value == "limit.chains"
