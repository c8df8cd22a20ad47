"""One run: the engine over central's gate and the sites' links, ended early when a site is lost. It changes no state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from central.hub.participant import LinkedParticipant
from central.jobs.room import CentralSide, Room
from sandbox.contract import Contract
from sandbox.errors import Code, PeerError
from sandbox.rounds.engine import Engine
from sandbox.rounds.participant import CENTRAL
from sandbox.rounds.summary import EngineProgress, RunSummary
from sandbox.supervisor import Supervisor


async def run_job(
    supervisor: Supervisor,
    room: Room,
    sites: Sequence[LinkedParticipant],
    observe: Callable[[EngineProgress], None],
    on_stated: Callable[[Sequence[str]], None],
) -> dict[str, Any]:
    """Run the job of a room to its end; what `run.json` says of it. `on_stated` is told the sites that are not needed any more.

    Raises:
        TidegateError: the run failed; its `site` is the culprit, if there is one.
    """
    central, contract = room.central, room.contract
    if central is None or contract is None:
        raise PeerError(Code.GATE_PROTOCOL)
    with ExitStack() as stack:
        for site in sites:
            stack.enter_context(site)
        needed = {site.name: site for site in sites}

        def stated(names: Sequence[str]) -> None:
            for name in names:
                needed.pop(name).leave()
            on_stated(names)

        engine = Engine(supervisor, room.pair, room.spec, contract, central.gate, sites, observe, stated)
        summary = await _until_lost(engine, needed)
    return describe(room, central, contract, summary)


async def _until_lost(engine: Engine, needed: Mapping[str, LinkedParticipant]) -> RunSummary:
    """The engine's summary, or the loss of a site that is still needed as soon as it is known.

    The engine itself waits for all answers of a round. A site that has stated its card is not needed any more, and may go offline.
    """
    run = asyncio.create_task(engine.run())
    losses = {name: asyncio.create_task(site.gone()) for name, site in needed.items()}
    try:
        while not run.done():
            waits: list[asyncio.Task[Any]] = [run, *(losses[name] for name in needed)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for name in needed:
                if losses[name].done() and not run.done():
                    raise losses[name].result()
        return await run
    finally:
        for task in (run, *losses.values()):
            task.cancel()
        await asyncio.gather(run, *losses.values(), return_exceptions=True)


def describe(room: Room, central: CentralSide, contract: Contract, summary: RunSummary) -> dict[str, Any]:
    """What central knows of a run: its own data's notes, and the engine's summary."""
    manifest = room.pair.manifest
    return {
        "job": room.job.id,
        "pair": {"name": manifest.name, "version": manifest.version, "digest": room.pair.digest},
        "policy": central.gate.policy.name,
        "isolation": central.gate.isolation.tier,
        "seed": room.spec.seed,
        "contract": contract.digest,
        "participants": [CENTRAL, *room.job.participants],
        "notes": {CENTRAL: list(central.report.notes) if central.report is not None else []},
        **summary.as_dict(),
    }
