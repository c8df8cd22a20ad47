"""Runs a reviewer's file against one real site, as `tidegate probe --central` does, and reads what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FILES: Final = Path(__file__).parent / "reviewers"
HEART: Final = ROOT / "tests" / "data" / "heart"
START: Final = ["--pair", "algorithms/SIMICE", "--job", str(HEART / "job.toml"), "--site", str(HEART / "cleveland.csv"), "--json"]
"""What a site begins with. The attacks upload people of their own, with jobs of their own."""
OF_THE_GATE: Final = ("growing_cohort", "missing_outcome", "one_column", "ordered_levels", "real_patients")
"""Attacks that recovered people from gates that answer questions about their rows."""
OF_CARDS: Final = ("one_cell_of_a_card", "whole_life")
"""Attacks that read the cards of a site and know all of its file but one cell: `tests/disclosure/test_attacks_on_cards.py`."""


@dataclass(frozen=True)
class Found:
    """What an attack recovered. `guess` is the share that comes out without it."""

    recovered: int
    victims: int
    guess: float
    files_stopped: int
    questions: int

    @property
    def share(self) -> float:
        """Of the victims."""
        return self.recovered / self.victims if self.victims else 0.0


def play(name: str, *options: str, victims: int | None = None, seed: int = 0) -> Found:
    """Play one attack; `victims` are as many as it tries by itself unless it is told."""
    told = {"SEED": str(seed)} if victims is None else {"SEED": str(seed), "VICTIMS": str(victims)}
    command = [
        sys.executable,
        "-c",
        "from sandbox.cli import main; main()",
        "probe",
        "--central",
        str(FILES / f"{name}.py"),
        *START,
        *options,
    ]
    # Some attacks decode with what the tests have.
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **told, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    result = said["result"]
    return Found(result["recovered"], result["victims"], result["guess"], result["files_stopped"], said["questions"])
