"""Predictors of several levels: a job says of them what it says of indicators written out by hand, whatever the method, and all rows
in one place say what the same rows say in three."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.simulate import DataError

N = 900
LEVELS = ("current", "former", "never", "unknown")
SHARES = (0.25, 0.3, 0.35, 0.1)
EFFECTS = (1.0, 0.4, -0.3, 0.2)
METHODS = ["SIMI", "SIMICE", "AVGMMI", "AVGMMICE", "CSLMI", "CSLMICE", "IMI", "IMICE", "HDMI"]
Rows = list[list[str]]


def people(n: int = N, seed: int = 1) -> Rows:
    """y and b (missing for some of the first third), x, reach, sex as text, smoke as text."""
    random = np.random.default_rng(seed)
    x, reach, u, other = random.normal(size=(4, n))
    smoke, sex = random.choice(len(LEVELS), n, p=SHARES), random.random(n) < 0.4
    y = 0.6 * x + np.array(EFFECTS)[smoke] + 0.5 * sex + 0.4 * u + other
    seen = (0.6 + 0.9 * reach + u > 0) | (np.arange(n) >= n // 3)
    return [
        [
            f"{y[i]:.6f}" if seen[i] else "NA",
            str(int(y[i] > 0.5)) if seen[i] else "NA",
            f"{x[i]:.6f}",
            f"{reach[i]:.6f}",
            "male" if sex[i] else "female",
            LEVELS[smoke[i]],
        ]
        for i in range(n)
    ]


def by_hand(rows: Rows) -> Rows:
    """The same with zeros and ones, without a column for the most frequent level."""
    return [[*row[:4], str(int(row[4] == "male")), *(str(int(row[5] == level)) for level in LEVELS if level != "never")] for row in rows]


TEXT = ["y", "b", "x", "reach", "sex", "smoke"]
CODED = ["y", "b", "x", "reach", "sex", "current", "former", "unknown"]


def write(path: Path, header: Sequence[str], rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def thirds(folder: Path, name: str, header: Sequence[str], rows: Rows) -> list[Path]:
    return [write(folder / f"{name}{part}.csv", header, rows[part * N // 3 : (part + 1) * N // 3]) for part in range(3)]


def job(pair: str, target: str = "y", **more: Any) -> dict[str, Any]:
    return {
        "imputations": 2,
        "iteration_before_first_imputation": 2,
        "iteration_between_imputations": 1,
        "seed": 3,
        "targets": [{"column": target, "type": "continuous" if target == "y" else "binary"}],
        "columns": {"b" if target == "y" else "y": "ignored"},
        "parameters": {"exclusion": "reach"} if pair == "HDMI" else {},
        **more,
    }


@pytest.mark.parametrize("target", ["y", "b"])
@pytest.mark.parametrize("pair", METHODS)
async def test_a_text_column_gives_the_fit_of_its_indicators_written_out_by_hand(simulate, tmp_path: Path, pair: str, target: str) -> None:
    rows = people()
    central, *sites = thirds(tmp_path, "text", TEXT, rows)
    coded, *coded_sites = thirds(tmp_path, "coded", CODED, by_hand(rows))
    alone = pair.startswith("IMI")
    found = await simulate(pair, job(pair, target), central, () if alone else sites, "research", out="text")
    wanted = await simulate(pair, job(pair, target), coded, () if alone else coded_sites, "research", out="coded")
    beta, expected = np.asarray(found["fits"][target]["beta"]), np.asarray(wanted["fits"][target]["beta"])
    assert len(beta) == 7
    assert beta == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert found["fits"][target]["covariance"] == pytest.approx(np.asarray(wanted["fits"][target]["covariance"]), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("pair", ["SIMI", "SIMICE"])
async def test_three_sites_impute_what_all_rows_at_central_do(simulate, tmp_path: Path, pair: str) -> None:
    rows = people(seed=2)
    together = write(tmp_path / "all.csv", TEXT, rows)
    await simulate(pair, job(pair), together, (), "research", out="pooled")
    central, *sites = thirds(tmp_path, "part", TEXT, rows)
    await simulate(pair, job(pair), central, sites, "research", out="split")
    for number in (1, 2):
        found, wanted = (cells(tmp_path / out, number)[: N // 3] for out in ("split", "pooled"))
        assert [float(row[0]) for row in found] == pytest.approx([float(row[0]) for row in wanted], abs=1e-9)
        assert [row[1:] for row in found] == [row[1:] for row in rows[: N // 3]]


def cells(folder: Path, number: int) -> Rows:
    with (folder / f"imputed_{number:03d}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


@pytest.mark.parametrize("policy", ["research", "default"])
async def test_a_level_that_a_site_never_saw_and_gaps_in_the_column_are_fine(simulate, tmp_path: Path, policy: str) -> None:
    rows = people(seed=4)
    for number, row in enumerate(rows):
        if number >= 2 * N // 3 and row[5] == "unknown":
            row[5] = "never"
        elif number >= N // 3 and number % 7 == 0:
            row[5] = "NA"
    central, *sites = thirds(tmp_path, "part", TEXT, rows)
    found = await simulate("SIMICE", job("SIMICE"), central, sites, policy)
    beta = np.asarray(found["fits"]["y"]["beta"])
    errors = np.sqrt(np.diag(np.asarray(found["fits"]["y"]["covariance"])))
    # Against never: current +1.3, former +.7, unknown +.5.
    truth = np.array([1.3, 0.7, 0.5])
    assert np.all(np.abs(beta[3:6] - truth) < 4 * errors[3:6])


async def test_a_site_that_never_measured_the_column_is_completed_and_named_once(simulate, tmp_path: Path) -> None:
    rows = people(seed=4)
    for row in rows[2 * N // 3 :]:
        row[5] = "NA"
    central, *sites = thirds(tmp_path, "part", TEXT, rows)
    found = await simulate("SIMICE", job("SIMICE"), central, sites)
    assert [(event["code"], event["target"]) for event in found["events"]] == [("event.completed", "smoke")]
    beta = np.asarray(found["fits"]["y"]["beta"])
    errors = np.sqrt(np.diag(np.asarray(found["fits"]["y"]["covariance"])))
    assert np.all(np.abs(beta[3:6] - [1.3, 0.7, 0.5]) < 4 * errors[3:6])


async def test_an_unknown_level_is_for_its_owner_and_says_nothing_of_its_text(simulate, tmp_path: Path) -> None:
    rows = people(seed=5)
    rows[N // 2][5] = "cigars"
    central, *sites = thirds(tmp_path, "part", TEXT, rows)
    with pytest.raises(DataError) as caught:
        await simulate("SIMICE", job("SIMICE"), central, sites)
    [finding] = caught.value.findings
    assert (finding.code.value, finding.column, finding.details["line"]) == ("data.levels", 6, N // 2 - N // 3 + 2)
    assert "cigars" not in finding.sentence
    assert finding.outward().details == {}


async def test_the_job_may_name_levels_and_the_first_of_them_is_the_reference(simulate, tmp_path: Path) -> None:
    rows = people(seed=6)
    central, *sites = thirds(tmp_path, "part", TEXT, rows)
    columns = {"b": "ignored", "smoke": {"type": "categorical", "levels": ["former", "current", "never", "unknown"]}}
    found = await simulate("SIMI", job("SIMI", columns=columns), central, sites, "research")
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["data"]["columns"][5]["levels"][0] == "former"
    beta = dict(zip(found["fits"]["y"]["terms"], found["fits"]["y"]["beta"], strict=True))
    assert beta["smoke = current"] == pytest.approx(0.6, abs=0.4)
    assert beta["smoke = never"] == pytest.approx(-0.7, abs=0.4)
    assert "smoke = former" not in beta
    text = " ".join((tmp_path / "out" / "methods.txt").read_text(encoding="utf-8").split())
    assert "on x, reach, sex and smoke (4 levels)." in text
    assert "Left out of every model: b (the job ignores it)." in text
    assert [(column["name"], column["role"], column["type"], column["why"]) for column in found["columns"]][1] == (
        "b",
        "ignored",
        None,
        "the job ignores it",
    )
