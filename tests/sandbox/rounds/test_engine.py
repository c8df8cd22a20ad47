"""The engine with a real central (gate, worker) and fake sites, and pairs that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from policies import Policy, built_in
from sandbox.errors import Code, InputError, LimitError, PeerError, Refused, TidegateError
from sandbox.job import JobSpec, Target, check_job
from sandbox.ledger import Ledger, verify
from sandbox.manifest import CARD, CARD_PARTS, CARD_STEP, PARTS, RESERVED_STEP, Pair, Parts, make_pair
from sandbox.rounds.engine import Engine, SiteError
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.participant import FakeParticipant
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import ChainCalls, ChainReply, GateSetup, RoundReply
from sandbox.wire.values import Array, Record, floats
from tests.one_chain import answers

Answer = Callable[[int, tuple[ChainCalls, ...]], RoundReply]
CSV = b"y,a\n" + b"".join(b"%s,%d\n" % (b"NA" if i % 5 == 0 else str(i * 7 % 50).encode(), i % 13) for i in range(200))
EXTENT = {"q": 2, "c": 2, "d": 3, "2": 2}


def zeros(kind: str, n: int = 0) -> Record:
    """A well-formed answer of a site that has nothing to contribute, or claims `n` rows."""
    return record_of(PARTS[kind], n)


def record_of(parts: Parts, n: int = 0) -> Record:
    record = {}
    for part, (dtype, symbols) in parts.items():
        shape = tuple(EXTENT[symbol] for symbol in symbols)
        size = 1
        for extent in shape:
            size *= extent
        record[part] = Array(dtype, shape, (n if part == "n" else 0).to_bytes(8, "little") * size)
    return record


def exact_card() -> dict[str, Record]:
    """What a site states that goes on to answer exactly."""
    # It has measured every column: else it would take part by its card.
    card = record_of(CARD_PARTS[CARD]) | {"is_exact": Array("<i8", (), (1).to_bytes(8, "little")), "n_observed": floats([1.0, 1.0])}
    return {CARD: card, "gram.1": record_of(CARD_PARTS["gram"])}


def silent_site(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
    """A site that answers exactly, and has nothing to contribute."""
    fields = {RESERVED_STEP: {RESERVED_STEP: zeros("margins")}, CARD_STEP: exact_card()}
    moments = {"moments": zeros("gram")}
    return RoundReply(number, tuple(ChainReply(part.chain, fields.get(part.calls[-1].step, moments)) for part in chains))


class Bench:
    """Central with its data uploaded; `run` makes an engine over it and the given sites."""

    def __init__(self, supervisor: Supervisor, folder: Path) -> None:
        self.supervisor = supervisor
        self.folder = folder
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.opened: list[LocalParticipant] = []

    async def run(
        self,
        answer: Answer = silent_site,
        central: str = CENTRAL,
        remote: str = REMOTE,
        policy: Policy | None = None,
        n_sites: int = 1,
        manifest: str = MANIFEST,
        make_site: Callable[[str, Answer], FakeParticipant] = FakeParticipant,
        **job: object,
    ) -> Engine:
        pair = make_pair(manifest.format(name="X").encode(), central.encode(), remote.encode())
        policy = policy or built_in("research")
        spec = check_job(JobSpec((Target("y", "continuous"),), **{"imputations": 2, "seed": 1, **job}), pair.manifest)
        participant = await self.participant(pair, spec, policy)
        report = await participant.upload(chunks(CSV))
        assert report.is_clean, report.findings
        assert report.contract is not None
        assert await participant.attach(pair.remote_source) == ()
        sites = [make_site(f"S{number}", answer) for number in range(n_sites)]
        engine = Engine(self.supervisor, pair, spec, report.contract, participant, sites)
        await engine.run()
        return engine

    async def participant(self, pair: Pair, spec: JobSpec, policy: Policy) -> LocalParticipant:
        setup = GateSetup("job", "central", True, policy, spec, pair.manifest_bytes, pair.digest, None, b"k" * 32)
        participant = await LocalParticipant.open(self.supervisor, setup, self.ledger)
        self.opened.append(participant)
        return participant

    async def close(self) -> None:
        """Wipe every participant, also after one that could not be wiped."""
        with contextlib.closing(self.ledger):
            for outcome in await asyncio.gather(*(participant.wipe() for participant in self.opened), return_exceptions=True):
                if outcome is not None:
                    raise outcome

    async def failing(self, **arguments: object) -> TidegateError:
        with pytest.raises(TidegateError) as caught:
            await self.run(**arguments)  # type: ignore[arg-type]
        return caught.value


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    supervisor = await Supervisor.start()
    try:
        bench = Bench(supervisor, tmp_path)
        yield bench
        await bench.close()
    finally:
        await supervisor.close()


async def test_a_job_runs_and_the_summary_counts_what_was_released(bench: Bench) -> None:
    engine = await bench.run(n_sites=2)
    summary = engine.summary.as_dict()
    assert summary["imputations"] == 2
    assert summary["rounds"] == 5, "margins, card, moments, two draws at central"
    assert summary["round_trips"] == 3
    card = sum(array.size for record in exact_card().values() for array in record.values())
    assert summary["released"]["S0"] == {"messages": 3, "scalars": 6 + card + 8}
    assert summary["fits"]["y"]["terms"] == ["a", "(intercept)"]
    assert verify(bench.folder / "ledger.jsonl").holds


async def test_tells_travel_with_the_next_question_in_order(bench: Bench) -> None:
    seen: list[list[str]] = []

    def site(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        seen.append([call.step for part in chains for call in part.calls])
        return silent_site(number, chains)

    central = CENTRAL.replace("sites.central(", "sites.tell(").replace(
        "        job.keep_imputation()", '        job.keep_imputation()\n        sites.sum("moments", target=target)'
    )
    await bench.run(answer=site, central=central)
    assert seen == [["margins"], ["card"], ["moments"], ["impute", "moments"], ["impute", "moments"]]


async def test_who_took_longest_for_the_last_answer_is_asked_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    now = 0.0
    monkeypatch.setattr("sandbox.rounds.engine.time", SimpleNamespace(perf_counter=lambda: now))

    class Site(FakeParticipant):
        async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
            nonlocal now
            asked.append(self.name)
            now += {"S0": 0.0, "S1": 0.1, "S2": 0.5}[self.name]
            return await super().run_round(number, chains)

    engine = await bench.run(n_sites=3, make_site=Site)
    assert asked == ["S0", "S1", "S2", *2 * ["S2", "S1", "S0"]]
    assert list(engine.summary.traffic) == ["central", "S0", "S1", "S2"]


async def test_a_refusal_names_the_site_and_its_rule(bench: Bench) -> None:
    def refusing(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        return answers(number, refused=Code.RULE_MIN_ROWS)

    error = await bench.failing(answer=refusing, n_sites=2)
    assert isinstance(error, Refused)
    assert (error.site, error.code) == ("S0", Code.RULE_MIN_ROWS)


@pytest.mark.parametrize(
    "record",
    [zeros("glm_score"), {**zeros("gram"), "XX": zeros("margins")["total"]}, {**zeros("gram"), "yy": Array("<f8", (), b"\xff" * 8)}],
    ids=["another kernel", "another shape", "not finite"],
)
async def test_a_lying_site_fails_the_job_under_its_name(bench: Bench, record: Record) -> None:
    def lying(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        is_asked = chains[0].calls[-1].step == "moments"
        return answers(number, {"moments": record}) if is_asked else silent_site(number, chains)

    error = await bench.failing(answer=lying)
    assert isinstance(error, SiteError)
    assert error.site == "S0"


async def test_an_error_that_names_its_site_already_stays_what_it_is(bench: Bench) -> None:
    def lost(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        raise LimitError(Code.LIMIT_TIME, what="site S0", limit=1, site="S0")

    error = await bench.failing(answer=lost)
    assert isinstance(error, LimitError)
    assert (error.site, error.details["limit"]) == ("S0", 1)


async def test_an_answer_to_another_round_fails_the_job(bench: Bench) -> None:
    error = await bench.failing(answer=lambda number, chains: silent_site(number + 1, chains))
    assert isinstance(error, SiteError)
    assert error.code is Code.WIRE_SEQUENCE


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    for sweep in job.sweeps():", "    while True:\n        pass\n    for sweep in job.sweeps():", Code.LIMIT_TIME),
        ('"moments", target=target', '"steal", target=target', None),
        ('"moments", target=target', '"moments", target=2', None),
        ('"moments", target=target', '"moments", target=target, extra=1', None),
        ("    fit = estimation", "    fit = job.targets[7]\n    fit = estimation", Code.WORKER_RAISED),
        ("        job.keep_imputation()", "        pass", Code.PAIR_SOURCE),
        ("from tidegate import estimation", "import os\nfrom tidegate import estimation", Code.PAIR_SOURCE),
    ],
    ids=["never ends", "unknown step", "not a target", "extra argument", "raises", "keeps nothing", "imports os"],
)
async def test_a_central_module_that_misbehaves_costs_its_own_job(bench: Bench, old: str, new: str, code: Code | None) -> None:
    assert old in CENTRAL
    quick = msgspec.structs.replace(built_in("research"), step_seconds=2)
    error = await bench.failing(central=CENTRAL.replace(old, new, 1), policy=quick)
    assert code is None or error.code is code
    assert (await bench.run()).summary.imputations == 2, "the machine goes on"


async def test_a_site_that_refuses_can_be_caught_by_the_pair(bench: Bench) -> None:
    asked = 0

    def refusing_once(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        nonlocal asked
        is_question = chains[0].calls[-1].step == "moments"
        asked += is_question
        return answers(number, refused=Code.RULE_MIN_ROWS) if is_question and asked == 1 else silent_site(number, chains)

    central = CENTRAL.replace("import estimation", "import Refused, estimation").replace(
        '    totals = sites.sum("moments", target=target)',
        '    try:\n        totals = sites.sum("moments", target=target)\n'
        '    except Refused:\n        totals = sites.sum("moments", target=target)',
    )
    engine = await bench.run(answer=refusing_once, central=central)
    assert engine.summary.as_dict()["refusals"] == [{"site": "S0", "rule": "rule.min_rows"}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("    while True:\n        pass", Code.LIMIT_TIME),
        ("    return {}", Code.RULE_UNDECLARED),
        ('    return {"moments": 1.0}', None),
        ("    return [1][7]", None),
    ],
    ids=["never ends", "answers nothing", "answers a number", "raises"],
)
async def test_a_remote_module_that_misbehaves_costs_its_own_job(bench: Bench, body: str, code: Code | None) -> None:
    remote = REMOTE.replace('    return {"moments": rows.gram(where=rows.observed(target))}', body)
    assert remote != REMOTE
    quick = msgspec.structs.replace(built_in("research"), step_seconds=2)
    error = await bench.failing(remote=remote, policy=quick)
    assert code is None or error.code is code, error
    assert (await bench.run()).summary.imputations == 2, "the machine goes on"


async def test_the_number_of_messages_is_limited(bench: Bench) -> None:
    error = await bench.failing(policy=msgspec.structs.replace(built_in("research"), max_messages=3))
    assert error.code is Code.LIMIT_MESSAGES


async def test_a_job_has_a_deadline(bench: Bench) -> None:
    central = CENTRAL.replace("    for sweep", '    for _ in range(1000000):\n        sites.sum("moments", target=target)\n    for sweep')
    error = await bench.failing(central=central, policy=msgspec.structs.replace(built_in("research"), job_seconds=1))
    assert isinstance(error, LimitError)
    assert error.code is Code.LIMIT_TIME


async def test_a_killed_gate_is_named_and_the_participant_wipes_without_it(bench: Bench) -> None:
    pair = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), REMOTE.encode())
    spec = check_job(JobSpec((Target("y", "continuous"),), seed=1), pair.manifest)
    participant = await bench.participant(pair, spec, built_in("research"))
    await participant.upload(chunks(CSV))
    gone = asyncio.create_task(participant.gone())
    await participant._gate.kill()
    error = await gone
    assert error.code is Code.GATE_DIED
    assert "SIGKILL" in str(error)
    with pytest.raises(PeerError):
        await participant.upload(chunks(CSV))
    await participant.wipe()
    assert b'"kind":"wipe"' in (bench.folder / "ledger.jsonl").read_bytes()


async def test_a_cancelled_job_can_be_wiped_in_the_middle_of_a_step(bench: Bench) -> None:
    remote = REMOTE.replace("    return {", "    while True:\n        pass\n    return {")
    is_asked = asyncio.Event()

    def site(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        if chains[0].calls[-1].step == "moments":
            is_asked.set()
        return silent_site(number, chains)

    task = asyncio.create_task(bench.run(answer=site, remote=remote))
    await is_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [participant] = bench.opened
    await participant.wipe()


async def test_an_upload_that_was_refused_leaves_the_participant_usable(bench: Bench) -> None:
    pair = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), REMOTE.encode())
    spec = check_job(JobSpec((Target("y", "continuous"),), seed=1), pair.manifest)
    participant = await bench.participant(pair, spec, built_in("research"))
    report = await participant.upload(chunks(b"y,a\n1,x\n2,3\n"))
    assert not report.is_clean or report.columns
    assert (await participant.upload(chunks(CSV))).is_clean


def test_an_error_of_a_site_keeps_code_and_name() -> None:
    error = SiteError("S1", InputError(Code.FIT_SINGULAR, column="y"))
    assert (error.code, error.site) == (Code.FIT_SINGULAR, "S1")


async def test_a_step_that_only_central_needs_is_asked_of_nobody_else(bench: Bench) -> None:
    asked: list[str] = []

    def site(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        asked.extend(call.step for part in chains for call in part.calls)
        return silent_site(number, chains)

    manifest = MANIFEST.replace("[steps.moments.request]", '[steps.moments]\nat = "central"\n[steps.moments.request]')
    error = await bench.failing(answer=site, manifest=manifest)
    assert error.code is Code.RULE_UNDECLARED
    assert asked == [RESERVED_STEP, CARD_STEP]
