"""Every hostile file against the product, one by one. Real processes, real lockdown; isolation is not optional here.

After each attack the host's side is looked at: nothing in the scene was read, written or reached, and no process is left. After each group
an honest pair must be answered as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import time

import pytest
import pytest_asyncio

from sandbox.ledger import verify
from sandbox.wire.messages import StepCall
from tests.attacks.runner import TARGET, Arena, parsed_manifest, spoken_link, until_alone
from tests.attacks.scene import CANARY
from tests.attacks.table import ATTACKS, MODULES, SCRIPTS, Attack, of

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = (StepCall("ask", {"target": TARGET}),)
WAITING = ("timeout", "limit.time")
"""Outcomes that take as long as a step may: these attacks run side by side, before the others."""
MANIFEST_SECONDS = 1.0
"""Processor time of this process, which does not depend on what else the machine does."""


def ids(attack: Attack) -> str:
    return attack.label


async def run(arena: Arena, attack: Attack) -> str:
    """What becomes of an attack where its layer must stop it."""
    match attack.kind:
        case "language" | "surface":
            return await restricted(arena, attack)
        case "gate":
            return await arena.asked(attack, QUESTION)
        case "protocol":
            return await arena.asked(attack, QUESTION, arena.raw)
        case "questions":
            return await arena.asked(attack, attack.call("calls"))
        case "peers":
            return await arena.taken_gate(attack)
        case "central":
            return await arena.hostile_central(attack)
        case "csv":
            return await arena.upload(attack)
        case _:
            return await arena.unrestricted(attack)


async def restricted(arena: Arena, attack: Attack) -> str:
    """As `Arena.restricted`, with the lines held against the marks in the file."""
    outcome, findings = await arena.restricted(attack)
    if outcome == "refused":
        lines = sorted({finding.line for finding in findings})
        return outcome if lines == (attack.marked("refused") or [0]) else f"refused at {lines}"
    word, _, line = outcome.partition(" ")
    return word if word == "raised" and [int(line)] == (attack.marked("raises") or [0]) else outcome


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def waited(arena: Arena) -> dict[str, str]:
    """The outcomes of attacks that only time ends."""
    attacks = [attack for attack in ATTACKS if attack.outcome.split(" ")[-1] in WAITING]
    outcomes = await asyncio.gather(*(run(arena, attack) for attack in attacks))
    await arena.tidy()
    return {attack.label: outcome for attack, outcome in zip(attacks, outcomes, strict=True)}


async def check(arena: Arena, attack: Attack, waited: dict[str, str]) -> None:
    """Run an attack, hold its outcome against the table, look at the host's side."""
    outcome = waited[attack.label] if attack.label in waited else await run(arena, attack)
    await arena.tidy()
    assert outcome in attack.outcome.split(" | ")
    assert CANARY not in outcome
    assert arena.scene.damage() == []
    assert await until_alone(), "a process is left"


async def check_honest(arena: Arena) -> None:
    reply = await arena.honest_round()
    assert reply.refused is None
    assert set(reply.fields) == {"moments"}
    await arena.tidy()


# --- the source rules


@pytest.mark.parametrize("attack", of(*MODULES), ids=ids)
async def test_source_rules_stop_a_module(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    await check(arena, attack, waited)


@pytest.mark.parametrize("attack", of(*SCRIPTS), ids=ids)
async def test_source_rules_stop_a_script(arena: Arena, attack: Attack) -> None:
    outcome, _ = await arena.restricted(attack)
    assert outcome.split(" ")[0] == attack.restricted
    assert arena.scene.damage() == []


async def test_an_honest_pair_is_answered_after_the_hostile_modules(arena: Arena) -> None:
    await check_honest(arena)


# --- the locked process


@pytest.mark.parametrize("attack", of(*SCRIPTS), ids=ids)
async def test_locked_worker_stops_a_script(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    if attack.x86_only and arena.machine != "x86_64":
        assert await run(arena, attack) != "reached"
        return
    await check(arena, attack, waited)


@pytest.mark.parametrize("attack", of(*SCRIPTS), ids=ids)
async def test_plain_child_is_not_stopped(arena: Arena, no_control: list[str], attack: Attack) -> None:
    outcome = await arena.control(attack)
    arena.control_scene.damage()  # connections made by a control are taken off the queue
    if not outcome.startswith("reached") and attack.control == "may":
        no_control.append(f"{attack.label}: {outcome}")
        return
    assert outcome.startswith("reached")


async def test_an_honest_pair_is_answered_after_the_scripts(arena: Arena) -> None:
    await check_honest(arena)


# --- the gate


@pytest.mark.parametrize("attack", of("gate", "questions"), ids=ids)
async def test_gate_refuses(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    await check(arena, attack, waited)


@pytest.mark.parametrize("attack", of("protocol"), ids=ids)
async def test_gate_withstands_a_hostile_worker(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    await check(arena, attack, waited)


@pytest.mark.parametrize("attack", of("csv"), ids=ids)
async def test_gate_withstands_an_upload(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    await check(arena, attack, waited)


async def test_an_honest_pair_is_answered_after_the_attacks_on_gates(arena: Arena) -> None:
    await check_honest(arena)


# --- the hosts


@pytest.mark.parametrize("attack", of("central"), ids=ids)
async def test_engine_withstands_a_central_module(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    await check(arena, attack, waited)


@pytest.mark.parametrize("attack", of("peers"), ids=ids)
async def test_host_withstands_a_gate_that_was_taken_over(arena: Arena, waited: dict[str, str], attack: Attack) -> None:
    await check(arena, attack, waited)


@pytest.mark.parametrize("attack", of("link"), ids=ids)
async def test_central_withstands_a_hostile_site(attack: Attack) -> None:
    assert spoken_link(attack) == attack.outcome


@pytest.mark.parametrize("attack", of("manifests"), ids=ids)
async def test_host_withstands_a_manifest(attack: Attack) -> None:
    start = time.process_time()
    assert parsed_manifest(attack) == attack.outcome
    assert time.process_time() - start < MANIFEST_SECONDS


async def test_an_honest_pair_is_answered_after_the_attacks_on_hosts(arena: Arena) -> None:
    await check_honest(arena)


async def test_the_ledger_of_all_that_holds(arena: Arena) -> None:
    assert verify(arena.ledger.path).holds
