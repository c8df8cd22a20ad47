"""One run: the engine over central's gate and the sites' links, ended early when a site is lost. It changes no state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from central.hub.participant import LinkedParticipant
from central.jobs.room import CentralSide, Room
from sandbox.contract import Contract
from sandbox.errors import Code, PeerError
from sandbox.rounds.engine import CENTRAL, Engine
from sandbox.rounds.summary import EngineProgress, RunSummary
from sandbox.supervisor import Supervisor


async def run_job(
    supervisor: Supervisor,
    room: Room,
    sites: Sequence[LinkedParticipant],
    observe: Callable[[EngineProgress], None],
) -> dict[str, Any]:
    """Run the job of a room to its end; what `run.json` says of it.

    Raises:
        TidegateError: the run failed; its `site` is the culprit, if there is one.
    """
    central, contract = room.central, room.contract
    if central is None or contract is None:
        raise PeerError(Code.GATE_PROTOCOL)
    with ExitStack() as stack:
        for site in sites:
            stack.enter_context(site)
        engine = Engine(supervisor, room.pair, room.spec, contract, central.gate, sites, observe)
        summary = await _until_lost(engine, sites)
    return describe(room, central, contract, summary)


async def _until_lost(engine: Engine, sites: Sequence[LinkedParticipant]) -> RunSummary:
    """The engine's summary, or the loss of a site as soon as it is known: the engine itself waits for all answers of a round."""
    run = asyncio.create_task(engine.run())
    losses = [asyncio.create_task(site.gone()) for site in sites]
    try:
        waits: list[asyncio.Task[Any]] = [run, *losses]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for loss in losses:
            if loss.done() and not run.done():
                raise loss.result()
        return await run
    finally:
        for task in (run, *losses):
            task.cancel()
        await asyncio.gather(run, *losses, return_exceptions=True)


def describe(room: Room, central: CentralSide, contract: Contract, summary: RunSummary) -> dict[str, Any]:
    """What central knows of a run: its own data's notes, everybody's set-aside band, and the engine's summary."""
    bands = {CENTRAL: central.report.set_aside_band if central.report is not None else ""}
    bands |= {site: room.statuses[site].set_aside_band for site in room.job.participants}
    manifest = room.pair.manifest
    return {
        "job": room.job.id,
        "pair": {"name": manifest.name, "version": manifest.version, "digest": room.pair.digest},
        "policy": central.gate.policy.name,
        "isolation": central.gate.isolation.tier,
        "seed": room.spec.seed,
        "contract": contract.digest,
        "participants": [CENTRAL, *room.job.participants],
        "set_aside": bands,
        "notes": {CENTRAL: list(central.report.notes) if central.report is not None else []},
        **summary.as_dict(),
    }
