"""Runs the attacks with layers left out and prints what came of each: lines of JSON with label, outcome and damage.

``python -m tests.attacks.without_layer LAYERS``: names of mechanisms with commas, or `language`. Only for `make soak`, which runs it as a
throw-away user inside namespaces of its own: with a layer missing, an attack may succeed. Files that exhaust or kill are left out.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import typer

from tests.attacks.runner import POLICY, Arena
from tests.attacks.scene import CANARY, VARIABLE
from tests.attacks.table import MODULES, SCRIPTS, Attack, of

KILLERS: Final = ("kill_another", "kill_group", "queue_signal", "signal_parent", "stop_itself")
ADDRESS_SPACE: Final = 6 << 30
PROCESSES: Final = 400


def attacks(layers: str) -> list[Attack]:
    """What is run: modules without source rules, or scripts behind what is left of the lockdown."""
    if layers == "language":
        return of(*MODULES)
    return [attack for attack in of(*SCRIPTS) if attack.kind != "exhaustion" and attack.name not in KILLERS]


async def run(layers: str, folder: Path) -> None:
    """Run them, one by one."""
    policy = msgspec.structs.replace(POLICY, minimum_isolation="seccomp")
    os.environ[VARIABLE] = CANARY
    arena = await Arena.open(folder, "" if layers == "language" else layers, policy)
    try:
        worker = await arena.raw.spawn_worker(policy)
        await worker.kill()
        isolation = {"namespaces": worker.isolation.namespaces, "landlock_abi": worker.isolation.landlock_abi}
        typer.echo(json.dumps({"label": "isolation", "outcome": isolation, "damage": []}))
        for attack in attacks(layers):
            try:
                outcome = await arena.unrestricted(attack, is_module=layers == "language")
            except UnicodeDecodeError:
                continue  # is no Python at all
            damage = arena.scene.damage()
            typer.echo(json.dumps({"label": attack.label, "outcome": outcome, "damage": damage}))
            if damage:
                arena.renew_scene()
    finally:
        await arena.close()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    with tempfile.TemporaryDirectory(prefix="tidegate-soak-") as folder:
        asyncio.run(run(sys.argv[1], Path(folder)))
