"""`make soak`: each layer is left out in turn, and what the next one still stops is printed.

The attacks run as a throw-away user inside process and mount namespaces and under limits of their own, without the files that exhaust or
kill. A layer that is left out is left out in the product's own lockdown, whose self-test is silenced, else it would refuse to serve.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.scene import CANARY
from tests.attacks.table import WALLS, Attack, of

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

THROW_AWAY = 64_999
ROOT = Path(__file__).parents[2]
USER = ["setpriv", f"--reuid={THROW_AWAY}", f"--regid={THROW_AWAY}", "--clear-groups"]
NAMESPACES = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
SCOPES_SINCE = 6
"""Landlock's ABI from which on it covers TCP, abstract sockets and signals, as the table says."""


def surroundings(layer: str) -> list[str]:
    """The command that runs another as a throw-away user in namespaces.

    Without the layer `identity` that user is root there: only then is there something that this layer takes away.
    """
    if layer == "identity":
        return [*(USER if os.geteuid() == 0 else []), *NAMESPACES, "--user", "--map-root-user"]
    return [*NAMESPACES, *USER] if os.geteuid() == 0 else [*NAMESPACES, "--user", "--map-current-user"]


def outcomes(layer: str) -> dict[str, dict[str, Any]]:
    """What became of every attack with `layer` left out."""
    command = [*surroundings(layer), sys.executable, "-m", "tests.attacks.without_layer", layer]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line["label"]: line for line in lines}


@pytest.fixture(autouse=True)
def _needs_namespaces() -> None:
    wanted = [tool for tool in ("unshare", "setpriv") if shutil.which(tool) is None]
    probe = None if wanted else subprocess.run([*surroundings("identity"), "true"], capture_output=True, text=True, check=False)
    if probe is not None and probe.returncode == 0:
        return
    reason = f"needs {', '.join(wanted)} (util-linux)" if probe is None else f"this machine allows no namespaces: {probe.stderr.strip()}"
    if os.environ.get("TIDEGATE_NO_SKIP"):
        pytest.fail(reason)
    pytest.skip(reason)


def others(attack: Attack, layer: str, isolation: dict[str, Any]) -> set[str]:
    """The walls of an attack, on this machine, when `layer` is left out."""
    missing = {layer}
    if not isolation["namespaces"]:
        missing.add("namespaces")
    if isolation["landlock_abi"] < SCOPES_SINCE:
        missing.add("landlock")
    return set(attack.walls) - missing


def got_through(line: dict[str, Any]) -> bool:
    return line["outcome"].startswith("reached") or bool(line["damage"])


@pytest.mark.parametrize("layer", WALLS)
def test_no_layer_stands_alone(layer: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = outcomes(layer)
    isolation = found.pop("isolation")["outcome"]
    attacks = {attack.label: attack for attack in of(*{label.partition("/")[0] for label in found})}
    through = sorted(label for label, line in found.items() if got_through(line))
    with capsys.disabled():
        report(layer, found, through)
    assert [label for label in through if others(attacks[label], layer, isolation)] == []
    # Without it, what got through stayed within its process: no canary, no file, no socket, no other process.
    assert [label for label in through if CANARY in found[label]["outcome"] or found[label]["damage"]] == []


def test_without_the_source_rules_the_locked_process_holds(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcomes("language")
    found.pop("isolation")
    with capsys.disabled():
        report("language", found, sorted(label for label, line in found.items() if got_through(line)))
    assert [label for label, line in found.items() if line["damage"] or CANARY in line["outcome"]] == []


def report(layer: str, found: dict[str, dict[str, Any]], through: list[str]) -> None:
    write = sys.stdout.write
    write(f"\n--- without {layer}: the next layers stop {len(found) - len(through)} of {len(found)}\n")
    for label, line in found.items():
        if label not in through:
            write(f"    stopped  {label}: {line['outcome']}\n")
    for label in through:
        write(f"    through  {label}: {found[label]['outcome'][:100]}\n")
