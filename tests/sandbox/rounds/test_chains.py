"""Chains side by side: one message to each participant takes the questions of all, and each is answered by itself."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from typing import Any

import pytest

from policies import built_in
from sandbox.errors import Code, InputError, Refused
from sandbox.job import JobSpec, Target, check_job
from sandbox.manifest import make_pair
from sandbox.rounds.engine import SiteError
from sandbox.scaffold import MANIFEST, REMOTE
from sandbox.wire.messages import ChainCalls, ChainReply, RoundReply
from tests.sandbox.rounds.test_engine import CSV, Bench, bench, chunks, exact_card, silent_site

__all__ = ["bench"]

CHAINED_MANIFEST = MANIFEST.replace('targets = "one"', 'targets = "many"').replace(
    "[steps.moments.request]",
    '[parameters.properties.chains]\ntype = "integer"\ndefault = 1\nminimum = 1\ntitle = "Chains"\n\n[steps.moments.request]',
)
CENTRAL = """
from tidegate import Refused, estimation


def impute(job, sites):
    target = job.targets[0].column
    for sweep in job.sweeps():
        totals = ask(sites, target)
        fit = estimation.least_squares(totals["moments"])
        job.record_fit(target, fit)
        beta, sigma = fit.draw(job.rng)
        sites.tell("impute", target=target, beta=beta, sigma=sigma)
        if sweep.keeps_imputation:
            job.keep_imputation()


def ask(sites, target):
    return sites.sum("moments", target=target)
"""
PATIENT = CENTRAL.replace(
    '    return sites.sum("moments", target=target)',
    '    try:\n        return sites.sum("moments", target=target)\n    except Refused:\n        return sites.sum("moments", target=target)',
)
N_CHAINS = 4
SHORT = {"iteration_before_first_imputation": 3, "iteration_between_imputations": 2}


class Recorder:
    """A silent site that remembers which chains came in which round, and refuses a chain when told to."""

    def __init__(self, refuse: dict[int, int] | None = None) -> None:
        self.rounds: list[tuple[ChainCalls, ...]] = []
        self._refuse = dict(refuse or {})

    def __call__(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        self.rounds.append(chains)
        reply = silent_site(number, chains)
        return RoundReply(number, tuple(self._answer(part) for part in reply.chains))

    def _answer(self, part: ChainReply) -> ChainReply:
        if len(self.rounds) > 2 and self._refuse.get(part.chain, 0) > 0:
            self._refuse[part.chain] -= 1
            return ChainReply(part.chain, refused=Code.RULE_MIN_ROWS)
        return part

    @property
    def chains(self) -> list[list[int]]:
        """The chains in each round, after the margins and the card."""
        return [[part.chain for part in chains] for chains in self.rounds[2:]]


async def run(bench: Bench, site: Any, central: str = CENTRAL, **job: Any) -> Any:
    job = {**SHORT, "imputations": N_CHAINS, "parameters": {"chains": N_CHAINS}, **job}
    return await bench.run(answer=site, central=central, manifest=CHAINED_MANIFEST, **job)


def shares(calls: tuple[ChainCalls, ...]) -> list[Any]:
    return [call.request["beta"] for part in calls for call in part.calls if call.is_tell]


async def test_four_chains_take_the_messages_of_one_chain_of_the_same_length(bench: Bench) -> None:
    one, four = Recorder(), Recorder()
    await run(bench, one, imputations=1, parameters={"chains": 1})
    engine = await run(bench, four)
    assert len(four.rounds) == len(one.rounds) == 2 + 3
    assert four.chains == [[0, 1, 2, 3]] * 3
    assert engine.summary.round_trips == 2 + 3
    assert engine.summary.imputations == 4


async def test_what_left_is_counted_for_all_chains(bench: Bench) -> None:
    card = sum(array.size for record in exact_card().values() for array in record.values())
    released = (await run(bench, Recorder())).summary.as_dict()["released"]
    assert released["S0"] == {"messages": 2 + 3, "scalars": 6 + card + 3 * 4 * 8}


async def test_no_two_chains_draw_the_same_parameters(bench: Bench) -> None:
    site = Recorder()
    await run(bench, site)
    told = [shares(chains) for chains in site.rounds[3:]]
    assert all(len({bytes(beta.data) for beta in betas}) == 4 for betas in told)


async def test_a_chain_that_keeps_one_imputation_less_ends_earlier(bench: Bench) -> None:
    site = Recorder()
    engine = await run(bench, site, imputations=3, parameters={"chains": 2})
    # The first chain keeps two imputations: two sweeps more.
    assert site.chains == [[0, 1]] * 3 + [[0]] * 2
    assert engine.summary.imputations == 3
    assert (engine._progress.done, engine._progress.total) == (5, 5)


async def test_a_refusal_in_one_chain_leaves_the_others_alone(bench: Bench) -> None:
    site = Recorder(refuse={2: 1})
    engine = await run(bench, site, central=PATIENT)
    # Chain 2 asks again while the others go on; it is the last to end.
    assert site.chains == [[0, 1, 2, 3]] * 3 + [[2]]
    assert engine.summary.as_dict()["refusals"] == [{"site": "S0", "rule": "rule.min_rows"}]
    assert engine.summary.imputations == 4


async def test_a_refusal_that_one_chain_does_not_catch_fails_the_job(bench: Bench) -> None:
    with pytest.raises(Refused) as caught:
        await run(bench, Recorder(refuse={3: 1}))
    assert (caught.value.site, caught.value.code) == ("S0", Code.RULE_MIN_ROWS)


async def test_a_pair_that_fails_in_one_chain_fails_the_job_with_its_line(bench: Bench) -> None:
    central = PATIENT.replace("    except Refused:\n        return", "    except Refused:\n        job = [][7]\n        return")
    with pytest.raises(InputError) as caught:
        await run(bench, Recorder(refuse={1: 1}), central=central)
    assert caught.value.code is Code.WORKER_RAISED
    assert caught.value.details["line"] == central.split("\n").index("        job = [][7]") + 1


async def test_imputations_are_kept_from_the_chains_in_turn_however_far_each_is(bench: Bench) -> None:
    # A chain that is a question behind keeps later; its imputation stands in its own place all the same.
    engines = [await run(bench, Recorder(refuse), central=PATIENT, imputations=5) for refuse in ({}, {0: 1})]
    assert [engine.summary.imputations for engine in engines] == [5, 5]
    results = [b"".join([chunk async for chunk in participant.result({"events": []})]) for participant in bench.opened]
    names = [f"imputed_{number:03}.csv" for number in range(1, 6)]
    first, behind = ([_member(data, name) for name in names] for data in results)
    assert first == behind
    assert len(set(first)) == 5


@pytest.mark.parametrize(
    "answer",
    [
        lambda reply: reply.chains[:3],
        lambda reply: (*reply.chains[:3], ChainReply(7, reply.chains[3].fields)),
        lambda reply: reply.chains[::-1],
        lambda reply: (*reply.chains, reply.chains[0]),
    ],
    ids=["one chain less", "another chain", "another order", "one more"],
)
async def test_a_reply_to_other_chains_than_asked_fails_the_job_naming_the_site(bench: Bench, answer: Any) -> None:
    def site(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        reply = silent_site(number, chains)
        return reply if len(chains) == 1 else RoundReply(number, answer(reply))

    with pytest.raises(SiteError) as caught:
        await run(bench, site)
    assert (caught.value.site, caught.value.code) == ("S0", Code.WIRE_SEQUENCE)


async def test_a_pair_that_keeps_more_than_its_share_fails(bench: Bench) -> None:
    central = CENTRAL.replace("            job.keep_imputation()", "            job.keep_imputation()\n            job.keep_imputation()")
    with pytest.raises(InputError) as caught:
        await run(bench, Recorder(), central=central)
    assert caught.value.code is Code.PAIR_SOURCE
    assert "more than 1" in str(caught.value)


def workers_of(zygote: Any) -> int:
    """Workers that are not gone: those of chains, and one for every participant."""
    return sum(child.role == "worker" and not child.is_gone for child in zygote._children.values())


async def test_no_worker_of_a_chain_outlives_a_job_that_ended_failed_or_was_cancelled(bench: Bench) -> None:
    await run(bench, Recorder())
    with pytest.raises(Refused):
        await run(bench, Recorder(refuse={3: 1}))
    endless = CENTRAL.replace("    target = job", "    while True:\n        pass\n    target = job", 1)
    zygote = bench.supervisor._zygote
    assert zygote is not None
    n_before = workers_of(zygote)
    task = asyncio.create_task(run(bench, Recorder(), central=endless))
    while workers_of(zygote) < n_before + 1 + N_CHAINS:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for participant in bench.opened:
        await participant.wipe()
    assert all(child.is_gone for child in zygote._children.values())


async def test_more_chains_than_the_policy_accepts_stop_before_the_start(bench: Bench) -> None:
    pair = make_pair(CHAINED_MANIFEST.format(name="X").encode(), CENTRAL.encode(), REMOTE.encode())
    spec = check_job(JobSpec((Target("y", "continuous"),), parameters={"chains": 5}, seed=1), pair.manifest)
    report = await (await bench.participant(pair, spec, built_in("strict"))).upload(chunks(CSV))
    assert [finding.code for finding in report.findings] == [Code.LIMIT_CHAINS]
    assert "5 chains" in report.findings[0].sentence
    assert not report.is_clean


async def test_the_ledger_has_one_line_for_a_message_of_all_chains(bench: Bench) -> None:
    await run(bench, Recorder())
    lines = [json.loads(line) for line in (bench.folder / "ledger.jsonl").read_bytes().splitlines()]
    moments = [line for line in lines if line["kind"] == "release" and line["fields"] and line["fields"][0]["name"] == "moments"]
    assert len(moments) == 3
    for line in moments:
        assert [(field["chain"], field["step"], field["scalars"]) for field in line["fields"]] == [(n, "moments", 8) for n in (1, 2, 3, 4)]


def _member(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)
