"""One finished SIMICE job on the heart data, made once by the author's command: what its files are worth is tested here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEART = ROOT / "tests" / "data" / "heart"
JOB = """
imputations = 4
iteration_before_first_imputation = 10
iteration_between_imputations = 3
seed = 7
[[targets]]
column = "chol"
type = "continuous"
[[targets]]
column = "thalach"
type = "continuous"
[[targets]]
column = "exang"
type = "binary"
[columns]
patient = "ignored"
cp = "ignored"
restecg = "ignored"
fbs = "ignored"
trestbps = "ignored"
oldpeak = "ignored"
"""


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the result."""
    folder = tmp_path_factory.mktemp("result")
    (folder / "job.toml").write_text(JOB)
    command = [Path(sys.executable).parent / "tidegate", "simulate", ROOT / "algorithms" / "SIMICE", "--job", folder / "job.toml"]
    data = ["--central", HEART / "va_long_beach.csv", "--site", HEART / "cleveland.csv", "--site", HEART / "hungary.csv"]
    subprocess.run([*command, *data, "--out", folder / "out"], check=True, capture_output=True, timeout=120)
    return folder / "out"


@pytest.fixture(scope="session")
def rscript() -> str:
    """The command that runs R with mice; skips where there is none, fails in CI."""
    command = shutil.which("Rscript")
    if command and subprocess.run([command, "-e", "library(mice)"], capture_output=True, check=False).returncode == 0:
        return command
    if os.environ.get("TIDEGATE_NO_SKIP") == "1":
        pytest.fail("R with mice is missing: apt-get install r-base-core r-cran-mice")
    pytest.skip("apt-get install r-base-core r-cran-mice")
