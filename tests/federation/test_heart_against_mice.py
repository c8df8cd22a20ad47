"""The heart job of the demo against pooled chains of mice (`tests/golden/make_heart.R`): what is imputed at central has their mean."""

from __future__ import annotations

import csv
import json
import math
import statistics
from pathlib import Path

import pytest

from tests.demo.story import HEART, SPEC

M = 60
"""As many as the sweeps allow: means of cells are not correlated from one sweep to the next here (.1 at most)."""
CHAINS = 200
"""Of mice."""
FILES = (HEART / "va_long_beach.csv", (HEART / "cleveland.csv", HEART / "hungary.csv"))


def column(path: Path, name: str) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row[name] for row in csv.DictReader(file)]


@pytest.mark.parametrize("policy", ["research", "default"])
async def test_imputed_means_at_central_are_those_of_pooled_chains_of_mice(simulate, tmp_path: Path, policy: str) -> None:
    job = {**SPEC, "imputations": M, "iteration_before_first_imputation": 20, "iteration_between_imputations": 3}
    await simulate("SIMICE", job, *FILES, policy)
    wanted = json.loads((Path(__file__).parents[1] / "golden" / "heart_mice.json").read_text(encoding="utf-8"))
    for name, reference in wanted.items():
        gaps = [cell in ("NA", "") for cell in column(FILES[0], name)]
        assert sum(gaps) == reference["n_missing"]
        means = []
        for number in range(1, M + 1):
            cells = column(tmp_path / "out" / f"imputed_{number:03d}.csv", name)
            means.append(statistics.fmean(float(cell) for cell, gap in zip(cells, gaps, strict=True) if gap))
        z = (statistics.fmean(means) - reference["mean"]) / (reference["sd"] * math.sqrt(1 / M + 1 / CHAINS))
        assert abs(z) < 4, (name, z)
