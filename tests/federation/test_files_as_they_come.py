"""Files as people have them: what their columns are is seen, or said with the reason."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[1] / "data"
JOB: dict[str, Any] = {
    "imputations": 10,
    "iteration_before_first_imputation": 5,
    "iteration_between_imputations": 2,
    "seed": 1,
    "targets": [{"column": "sbp", "type": "continuous"}],
}


def parts(folder: str, kind: str = "") -> list[Path]:
    return [DATA / folder / f"{name}{kind}.csv" for name in ("central", "a", "b")]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("policy", ["default", "research"])
@pytest.mark.parametrize(("kind", "never", "former"), [("words", "never", "former"), ("codes", "1", "2")])
async def test_former_smokers_are_imputed_as_they_were_observed(
    simulate, tmp_path: Path, kind: str, never: str, former: str, policy: str
) -> None:
    central, *sites = parts("smokers", f"-{kind}")
    columns = {"smoke": {"type": "categorical"}} if kind == "codes" else {}
    run = await simulate("SIMICE", {**JOB, "columns": columns}, central, sites, policy)
    before = rows_of(central)
    gaps = [number for number, row in enumerate(before) if row["sbp"] == "NA"]
    imputed: dict[str, list[float]] = {}
    for number in range(1, 11):
        after = rows_of(tmp_path / "out" / f"imputed_{number:03d}.csv")
        for gap in gaps:
            imputed.setdefault(before[gap]["smoke"], []).append(float(after[gap]["sbp"]))
    fit = run["fits"]["sbp"]
    effects = dict(zip(fit["terms"], fit["beta"], strict=True))
    # Those with a gap are of another age.
    observed = [row for row in before if row["sbp"] != "NA" and row["smoke"] == former]
    older = statistics.fmean(float(before[gap]["age"]) for gap in gaps if before[gap]["smoke"] == former)
    older -= statistics.fmean(float(row["age"]) for row in observed)
    expected = statistics.fmean(float(row["sbp"]) for row in observed) + effects["age"] * older
    assert statistics.fmean(imputed[former]) == pytest.approx(expected, abs=1.5)
    difference = effects.get(f"smoke = {former}", 0.0) - effects.get(f"smoke = {never}", 0.0)
    assert difference == pytest.approx(12.0, abs=1.5)


async def test_row_numbers_and_postcodes_are_left_out_and_named(simulate, tmp_path: Path) -> None:
    central, *sites = parts("postcodes")
    run = await simulate("SIMICE", JOB, central, sites, "default")
    assert {column["name"]: column["type"] for column in run["columns"] if column["role"] == "ignored"} == {"id": "id", "zip": "id"}
    text = " ".join((tmp_path / "out" / "methods.txt").read_text(encoding="utf-8").split())
    assert "Left out of every model: id (it numbers the rows or the people) and zip (its numbers have leading zeros, as" in text
