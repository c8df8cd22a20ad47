"""`tidegate probe --central`: what it prints where, how it ends, and that it is not mistaken for the proof of the wall."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.reviewer.attack import OPEN
from tests.sandbox.reviewer.conftest import ALGORITHMS, MANY

PROBE = [sys.executable, "-c", "from sandbox.cli import main; main()", "probe"]
README = Path(__file__).parents[3] / "sandbox" / "reviewer" / "README.md"


@pytest.fixture
def run(tmp_path: Path, table: Path):
    (tmp_path / "job.toml").write_text(MANY, encoding="utf-8")

    def run(source: str, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "mine.py").write_text(source, encoding="utf-8")
        inputs = ["--pair", str(ALGORITHMS / "SIMICE"), "--job", "job.toml", "--site", str(table)]
        return subprocess.run(
            [*PROBE, "--central", "mine.py", *inputs, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    return run


RETURNS = """
import numpy as np
from beside import NUMBER
def attack(site):
    print("said on the way")
    site.begin(*[np.zeros(4), np.ones(4), np.full(4, .5)])
    site.ask("moments", target="lab")
    try:
        site.ask("score", target="event", beta=np.full(4, np.nan))
    except site.Refused as refused:
        code = refused.code
    return {"array": np.eye(2), "nan": np.nan, "code": code, "number": NUMBER}
"""
RESULT = {"array": [[1.0, 0.0], [0.0, 1.0]], "nan": None, "code": "rule.not_finite", "number": 41}


def test_what_attack_returns_is_all_that_standard_output_holds(run, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NUMBER = 41\n", encoding="utf-8")
    plain = run(RETURNS)
    assert (plain.returncode, json.loads(plain.stdout)) == (0, RESULT)
    assert "said on the way" in plain.stderr
    found = json.loads(run(RETURNS, "--json", "--policy", "research").stdout)
    assert found.pop("seconds") > 0
    assert found == {"result": RESULT, "questions": 2, "refusals": 1}


def test_it_ends_with_1_and_the_lines_of_the_file_when_attack_raises(run) -> None:
    raising = "def attack(site):\n    site.constants()\n    raise KeyError('mine')\n"
    plain = run(raising)
    assert (plain.returncode, plain.stdout) == (1, "")
    assert "mine.py" in plain.stderr
    assert "KeyError" in plain.stderr
    found = run(raising, "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["error"] == {"code": "attack", "sentence": "KeyError: 'mine'"}
    assert run("import sys\ndef attack(site):\n    sys.exit(0)\n").returncode == 1


@pytest.mark.parametrize("source", ["def other(site):\n    return 1\n", "attack = 3\n", "def attack(:\n", "1 / 0\n"])
def test_a_file_that_has_no_attack_ends_with_1_and_a_sentence(run, source: str) -> None:
    found = run(source, "--json")
    assert found.returncode == 1
    assert "mine.py" in json.loads(found.stdout)["error"]["sentence"]


def test_open_is_said_loudly_in_both_places(run) -> None:
    found = run("def attack(site):\n    return site.report\n", "--open", "--json")
    assert OPEN in found.stderr
    assert json.loads(found.stdout)["open"] is True
    closed = run("def attack(site):\n    return site.report\n", "--json")
    assert OPEN not in closed.stderr
    assert "open" not in json.loads(closed.stdout)


def test_a_file_may_upload_where_the_first_upload_was_stopped(run, table: Path) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(lines[:30]) + "\n", encoding="utf-8")
    (table.parent / "whole.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = (
        "def attack(site):\n    first = site.report\n    return [len(first), site.upload('whole.csv'), int(site.constants()['n'][0])]\n"
    )
    found = run(source)
    assert found.returncode == 0
    n_stops, report, n = json.loads(found.stdout)
    assert n_stops > 0
    assert report is None
    assert abs(n - 400) <= 10


def test_mistyped_inputs_end_with_a_sentence(run, tmp_path: Path) -> None:
    for option, value in (("--pair", "nowhere"), ("--job", "nowhere.toml"), ("--policy", "lenient"), ("--site", "nowhere.csv")):
        found = run("def attack(site):\n    return 1\n", option, value)
        assert found.returncode == 1, option
        assert "Traceback" not in found.stderr
        assert value in found.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--central", "mine.py"],
        ["--central", "mine.py", "--pair", "p", "--job", "j", "--site", "s", "--restricted"],
        ["--central", "mine.py", "--pair", "p", "--job", "j", "--site", "s", "--script", "s.py"],
        ["--open"],
        ["--secret", "a"],
        ["--site", "site.csv"],
    ],
)
def test_the_two_things_that_probe_does_are_not_mixed(options: list[str]) -> None:
    found = subprocess.run([*PROBE, *options], capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert "--central" in found.stderr
