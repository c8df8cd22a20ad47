"""What a job costs on the network: draws travel with the next question, and neither M nor the number of sites adds a round trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

NAMES = "y,b,x1,x2"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Central and two sites with a continuous and a binary target."""
    folder, paths = tmp_path_factory.mktemp("rows"), []
    for number in range(3):
        rng = np.random.default_rng(number)
        x = rng.normal(size=(1500, 2))
        b = (x[:, 0] + rng.normal(size=1500) > 0).astype(int)
        y = x @ [1.0, -0.5] + 0.5 * b + rng.normal(size=1500)
        holes = rng.random((1500, 2)) < 0.2
        cells = zip(np.where(holes[:, 0], "NA", y.astype(str)), np.where(holes[:, 1], "NA", b.astype(str)), x, strict=True)
        paths.append(folder / f"part{number}.csv")
        paths[-1].write_text("\n".join([NAMES, *(f"{y},{b},{x1},{x2}" for y, b, (x1, x2) in cells)]) + "\n", encoding="utf-8")
    return paths


def job(*targets: str, before: int, between: int = 1, m: int = 1) -> dict[str, Any]:
    types = {"y": "continuous", "b": "binary"}
    return {
        "imputations": m,
        "iteration_before_first_imputation": before,
        "iteration_between_imputations": between,
        "seed": 2,
        "targets": [{"column": name, "type": types[name]} for name in targets],
        "columns": {name: "ignored" for name in types if name not in targets},
    }


@pytest.mark.parametrize("pair", ["SIMICE", "AVGMMICE", "CSLMICE"])
async def test_a_continuous_target_costs_one_round_trip_per_sweep(simulate, parts: list[Path], pair: str) -> None:
    result = await simulate(pair, job("y", before=6), parts[0], parts[1:])
    assert result["round_trips"] == 1 + 6


async def test_a_warm_binary_target_costs_two_round_trips_per_sweep(simulate, parts: list[Path]) -> None:
    trips = {
        sweeps: (await simulate("SIMICE", job("y", "b", before=sweeps), parts[0], parts[1:], out=str(sweeps)))["round_trips"]
        for sweeps in (3, 18)
    }
    # 15 sweeps more: one for y, two for b, and now and then a third when imputed cells moved b's fit far.
    assert 15 * 3 <= trips[18] - trips[3] <= 15 * 3 + 2


@pytest.mark.parametrize("pair", ["AVGMMICE", "CSLMICE"])
async def test_averages_and_surrogates_ask_once_about_a_binary_target_too(simulate, parts: list[Path], pair: str) -> None:
    result = await simulate(pair, job("y", "b", before=4), parts[0], parts[1:])
    assert result["round_trips"] == 1 + 2 * 4


async def test_round_trips_do_not_depend_on_the_number_of_imputations_or_sites(simulate, parts: list[Path]) -> None:
    one = await simulate("SIMICE", job("y", before=9), parts[0], parts[1:], out="one")
    many = await simulate("SIMICE", job("y", before=3, between=2, m=4), parts[0], parts[1:2], out="many")
    assert one["round_trips"] == many["round_trips"] == 1 + 9
    assert many["imputations"] == 4


async def test_one_fit_serves_all_imputations_of_a_one_target_pair(simulate, parts: list[Path]) -> None:
    for m in (2, 9):
        result = await simulate("SIMI", job("y", before=1, m=m), parts[0], parts[1:], out=str(m))
        assert result["round_trips"] == 2


async def test_imi_asks_no_site_but_for_the_first_round(simulate, parts: list[Path]) -> None:
    result = await simulate("IMICE", job("y", "b", before=3), parts[0], parts[1:])
    assert result["round_trips"] == 1
    alone = await simulate("IMICE", job("y", "b", before=3), parts[0], out="alone")
    assert alone["round_trips"] == 0
