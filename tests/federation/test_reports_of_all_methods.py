"""What the report says of each method: its model, who helped, and whether central differs from the sites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

N = 900


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Central and two sites, alike and with another level of y at the sites; y is missing by a selection model."""
    found: dict[str, list[Path]] = {}
    for name, shift in (("alike", 0.0), ("shifted", 0.8)):
        folder = tmp_path_factory.mktemp(name)
        found[name] = []
        for number in range(3):
            rng = np.random.default_rng([number, 1])
            a, reach, u, other = rng.normal(size=(4, N))
            latent = 0.3 + 0.6 * a + 0.4 * u + np.sqrt(1 - 0.16) * other + (shift if number else 0.0)
            seen = 0.6 + 0.9 * reach + u > 0
            rows = zip(seen, latent, a, reach, strict=True)
            lines = [f"{y if s else 'NA'},{int(y > 0) if s else 'NA'},{x},{r}" for s, y, x, r in rows]
            path = folder / f"part{number}.csv"
            path.write_text("\n".join(["y,b,a,reach", *lines]) + "\n", encoding="utf-8")
            found[name].append(path)
    return found


def job(pair: str, target: str) -> dict[str, Any]:
    other = "b" if target == "y" else "y"
    return {
        "imputations": 2,
        "iteration_before_first_imputation": 2,
        "iteration_between_imputations": 1,
        "seed": 3,
        "targets": [{"column": target, "type": "continuous" if target == "y" else "binary"}],
        "columns": {other: "ignored"},
        "parameters": {"exclusion": "reach"} if pair == "HDMI" else {},
    }


@pytest.mark.parametrize(("pair", "target"), [("SIMI", "y"), ("AVGMMI", "b"), ("CSLMI", "y"), ("HDMI", "y"), ("HDMI", "b")])
async def test_central_of_another_level_is_an_event_and_central_alike_is_none(
    simulate, files: dict[str, list[Path]], tmp_path: Path, pair: str, target: str
) -> None:
    codes = {}
    for name, (central, *sites) in files.items():
        await simulate(pair, job(pair, target), central, sites, "default", out=name)
        run = json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8"))
        codes[name] = {event["code"] for event in run["events"]}
    assert "event.central_differs" in codes["shifted"]
    assert "event.central_differs" not in codes["alike"]


@pytest.mark.parametrize(
    ("pair", "words", "others"),
    [
        ("HDMI", ["selection model", "exclusion column reach", "2 further sites"], ["missing at random", "regression"]),
        ("CSLMI", ["surrogate likelihood", "linear regression on a and reach", "missing at random"], ["selection model"]),
        ("IMI", ["central's rows alone"], ["further sites"]),
    ],
)
async def test_the_methods_paragraph_names_the_model_and_who_helped(
    simulate, files: dict[str, list[Path]], tmp_path: Path, pair: str, words: list[str], others: list[str]
) -> None:
    central, *sites = files["alike"]
    await simulate(pair, job(pair, "y"), central, sites, "default")
    text = " ".join((tmp_path / "out" / "methods.txt").read_text(encoding="utf-8").split())
    assert [word for word in words if word not in text] == []
    assert [word for word in others if word in text] == []
