"""The example of the reviewers' page runs as it is typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "sandbox" / "reviewer" / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_as_typed_and_finds_the_slopes(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    source = next(text for language, text in blocks if language == "python")
    command = next(text for language, text in blocks if not language and "mine.py" in text)
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    for name in ("algorithms", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    words = command.replace("\\\n", " ").split()
    assert words[0] == "tidegate"
    program = [sys.executable, "-c", "from sandbox.cli import main; main()"]
    ended = subprocess.run([*program, *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    table = np.genfromtxt(ROOT / "tests" / "data" / "heart" / "cleveland.csv", delimiter=",", names=True)
    columns = [table[name] for name in ("age", "sex", "disease")]
    X = np.column_stack([*((column - column.mean()) / column.std() for column in columns), np.ones(len(table))])
    y = (table["chol"] - table["chol"].mean()) / table["chol"].std()
    # `default` states every number with an error of about a person.
    np.testing.assert_allclose(found["slopes"], np.linalg.lstsq(X, y, rcond=None)[0], atol=0.1)
    assert abs(found["rows"] - 303) <= 5
    assert abs(found["mean of chol"] - table["chol"].mean()) < 5
