"""Cards in a run: who is asked what, who may go, and that a card of no rows ends its job under its site's name. Real, locked gates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio

from policies import Policy, built_in
from sandbox.errors import Code, Refused, TidegateError
from sandbox.gate import taken_card
from sandbox.gate.guard import Refusal
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn
from sandbox.gate.taken_card import arrays_of, check_card
from sandbox.job import JobSpec, check_job, job_from_table
from sandbox.ledger import Ledger
from sandbox.manifest import CARD, CARD_STEP, POINT_STEP, RESERVED_STEP, Pair, load_pair
from sandbox.rounds.engine import Engine
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.participant import CENTRAL, FakeParticipant, Participant
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import ChainCalls, GateSetup, KernelCall, RoundReply
from sandbox.wire.values import Array, Record, floats
from tests.one_chain import answer, answers

pytestmark = pytest.mark.asyncio(loop_scope="module")
ALGORITHMS = Path(__file__).parents[3] / "algorithms"
SIMICE = load_pair(ALGORITHMS / "SIMICE")
N = 400
SECRET = b"a secret of this site, 32 bytes."
JOB = {
    "imputations": 2,
    "iteration_before_first_imputation": 2,
    "iteration_between_imputations": 1,
    "seed": 5,
    "targets": [{"column": "y", "type": "continuous"}, {"column": "b", "type": "binary"}],
}
DEFAULT, RESEARCH = built_in("default"), built_in("research")
Fields = dict[str, Record]


def table(seed: int, prevalence: float = 0.4, order: Sequence[int] | None = None) -> bytes:
    """y continuous and b binary, of which a fifth is missing; x numeric, u of the values 1 and 2."""
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=N), rng.integers(1, 3, size=N)
    lean = x + rng.normal(size=N)
    b = (lean > np.quantile(lean, 1 - prevalence)).astype(int)
    y = x + 0.5 * b + rng.normal(size=N)
    gaps = rng.random((N, 2)) < 0.2
    gaps[:, 1] &= (b == 0) | (prevalence > 0.1)
    lines = [f"{'NA' if gaps[i, 0] else y[i]},{'NA' if gaps[i, 1] else b[i]},{x[i]},{u[i]}" for i in order or range(N)]
    return ("y,b,x,u\n" + "\n".join(lines) + "\n").encode()


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Bench:
    """Participants over one supervisor, wiped at the end."""

    def __init__(self, supervisor: Supervisor, folder: Path) -> None:
        self.supervisor, self.folder = supervisor, folder
        self.opened: list[LocalParticipant] = []
        self.ledgers: dict[str, Ledger] = {}
        self.contract: Any = None

    async def open(self, name: str, data: bytes, policy: Policy = DEFAULT, pair: Pair = SIMICE, **job: Any) -> LocalParticipant:
        """A participant whose file is clean and whose worker is attached. Central first: it makes the contract."""
        spec = self.spec(pair, **job)
        contract = None if name == CENTRAL else self.contract
        setup = GateSetup("job", name, name == CENTRAL, policy, spec, pair.manifest_bytes, pair.digest, contract, SECRET)
        ledger = self.ledgers.get(name) or Ledger(self.folder / f"{name}.jsonl")
        self.ledgers[name] = ledger
        participant = await LocalParticipant.open(self.supervisor, setup, ledger)
        self.opened.append(participant)
        report = await participant.upload(chunks(data))
        assert report.is_clean, report.findings
        if name == CENTRAL:
            self.contract = report.contract
        assert await participant.attach(pair.remote_source) == ()
        return participant

    def spec(self, pair: Pair = SIMICE, **job: Any) -> JobSpec:
        return check_job(job_from_table(JOB | job), pair.manifest)

    async def run(self, central: LocalParticipant, sites: Sequence[Participant], **more: Any) -> Engine:
        engine = Engine(self.supervisor, SIMICE, self.spec(), self.contract, central, sites, **more)
        await engine.run()
        return engine

    async def close(self) -> None:
        try:
            await asyncio.gather(*(participant.wipe() for participant in self.opened))
        finally:
            for ledger in self.ledgers.values():
                ledger.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start()
    yield supervisor
    await supervisor.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bench(supervisor: Supervisor, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(supervisor, tmp_path)
    yield bench
    await bench.close()


class Watched:
    """A participant that remembers what it was asked."""

    def __init__(self, participant: LocalParticipant) -> None:
        self.name, self.steps, self._participant = participant.name, list[str](), participant

    async def begin(self, constants: Any) -> None:
        await self._participant.begin(constants)

    async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        self.steps.append(chains[0].calls[-1].step)
        return await self._participant.run_round(number, chains)


# --- who is asked, and who may go


async def test_a_site_that_dies_after_its_card_is_in_does_not_stop_the_job(bench: Bench) -> None:
    central = await bench.open(CENTRAL, table(0))
    site = await bench.open("bern", table(1))
    stated: list[str] = []

    def kill(names: Sequence[str]) -> None:
        stated.extend(names)
        os.kill(site.processes[0].pid, signal.SIGKILL)

    engine = await bench.run(central, [site], on_stated=kill)
    assert stated == ["bern"]
    assert engine.summary.imputations == 2
    assert (await site.processes[0].wait()).signal == signal.SIGKILL


async def test_a_site_that_dies_before_its_card_is_in_ends_the_job_under_its_name(bench: Bench) -> None:
    central = await bench.open(CENTRAL, table(0))
    site = await bench.open("bern", table(1))
    os.kill(site.processes[0].pid, signal.SIGKILL)
    with pytest.raises(TidegateError) as caught:
        await bench.run(central, [site])
    assert (caught.value.site, caught.value.code) == ("bern", Code.GATE_DIED)


async def test_a_site_that_answers_exactly_and_one_that_states_a_card_take_part_in_one_job(bench: Bench) -> None:
    central = await bench.open(CENTRAL, table(0))
    exact, stating = Watched(await bench.open("exact", table(1), RESEARCH)), Watched(await bench.open("stating", table(2)))
    stated: list[str] = []
    engine = await bench.run(central, [exact, stating], on_stated=stated.extend)
    assert stating.steps == [RESERVED_STEP, CARD_STEP]
    assert stated == ["stating"]
    assert exact.steps[:2] == [RESERVED_STEP, CARD_STEP]
    # Three sweeps, and in each both targets.
    assert exact.steps[2:].count("moments") == 3
    assert exact.steps.count("score") >= 3
    assert engine.summary.imputations == 2
    n_rows = engine.summary.fits["y"].n
    assert 0.7 * 3 * N < n_rows < 0.9 * 3 * N, "all three are in the fit"


async def test_a_policy_that_only_adds_errors_to_exact_answers_states_a_card_and_answers_nothing_else(bench: Bench) -> None:
    central = await bench.open(CENTRAL, table(0))
    blurred = await bench.open("blurred", table(1), msgspec.structs.replace(RESEARCH, error=1.0))
    watched = Watched(blurred)
    engine = await bench.run(central, [watched])
    assert watched.steps == [RESERVED_STEP, CARD_STEP]
    assert engine.summary.imputations == 2


async def test_a_refusal_of_the_card_names_the_site(bench: Bench) -> None:
    central = await bench.open(CENTRAL, table(0))
    site = await bench.open("bern", table(1))

    class Refusing(Watched):
        async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
            reply = await super().run_round(number, chains)
            return answers(number, refused=Code.RULE_MIN_ROWS) if self.steps[-1] == CARD_STEP else reply

    with pytest.raises(Refused) as caught:
        await bench.run(central, [Refusing(site)])
    assert (caught.value.site, caught.value.code) == ("bern", Code.RULE_MIN_ROWS)


# --- one file, one card


async def card_of(bench: Bench, data: bytes, pair: Pair = SIMICE, **job: Any) -> Fields:
    participant = await bench.open("bern", data, pair=pair, **job)
    return await participant.show_card()


async def test_the_same_file_states_the_same_card_whatever_the_job(bench: Bench) -> None:
    await bench.open(CENTRAL, table(0))
    first = await card_of(bench, table(1))
    assert {"card", "fit.2"} == first.keys()
    jobs: list[tuple[str, dict[str, Any]]] = [
        ("SIMICE", {"imputations": 9}),
        ("SIMICE", {"seed": 77}),
        ("SIMICE", {"iteration_before_first_imputation": 9}),
        ("SIMICE", {"parameters": {"chains": 2}}),
        ("SIMICE", {"parameters": {"ridge": 2.0}}),
        ("SIMICE", {"parameters": {"central_intercept": True}}),
        ("AVGMMICE", {}),
        ("CSLMICE", {}),
    ]
    for name, job in jobs:
        assert await card_of(bench, table(1), load_pair(ALGORITHMS / name), **job) == first, (name, job)
    assert await card_of(bench, table(2)) != first


async def test_the_order_of_the_rows_does_not_move_a_number_of_the_card(bench: Bench) -> None:
    await bench.open(CENTRAL, table(0))
    first, mixed = [
        arrays_of(await card_of(bench, table(1, order=order))) for order in (None, list(np.random.default_rng(1).permutation(N)))
    ]
    assert first.keys() == mixed.keys()
    for name, parts in first.items():
        for part, values in parts.items():
            scale = float(np.abs(np.asarray(values, float)).max())
            assert np.asarray(mixed[name][part]) == pytest.approx(np.asarray(values), abs=1e-9 * scale), (name, part)


# --- cards of no rows

Tamper = Callable[[Fields], Fields]


def put(field: str, part: str, change: Callable[[np.ndarray], np.ndarray]) -> Tamper:
    """Change the numbers of a part."""

    def tamper(fields: Fields) -> Fields:
        old = fields[field][part]
        values = np.array(change(np.frombuffer(old.data, old.dtype).reshape(old.shape).copy()))
        array = Array(old.dtype, values.shape, np.ascontiguousarray(values, old.dtype).tobytes())
        return {**fields, field: {**fields[field], part: array}}

    return tamper


def at(place: Any, value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Put a number at a place."""

    def change(values: np.ndarray) -> np.ndarray:
        values[place] = value
        return values

    return change


def more(**others: str) -> Tamper:
    """Another field that is a copy of one."""
    return lambda fields: {**fields, **{name.replace("_", "."): fields[source] for name, source in others.items()}}


def without(field: str, part: str = "") -> Tamper:
    """A field, or one part of it, less."""
    if part:
        return lambda fields: {**fields, field: {name: value for name, value in fields[field].items() if name != part}}
    return lambda fields: {name: record for name, record in fields.items() if name != field}


MARGINS: dict[str, Tamper] = {
    "rows below none": put("margins", "n", at(0, -5)),
    "not a number": put("margins", "total", at(0, np.nan)),
    "more than its squares allow": put("margins", "total", at(0, 1e6)),
    "squares below none": put("margins", "total_squares", at(2, -1.0)),
    "huge": put("margins", "total_squares", at(2, 1e300)),
    "more ones than rows": put("margins", "total", at(1, 1e3)),
    "a shape of its own": put("margins", "total", lambda values: values[:2]),
}
CARDS: dict[str, Tamper] = {
    "no fit": without("fit.2"),
    "a fit of a continuous target": more(fit_1="fit.2"),
    "a fit of no target": more(fit_3="fit.2"),
    "a Gram too many": more(gram_1="card"),
    "nothing": lambda _: {},
    "a part less": without("card", "levels"),
    "another shape": put("card", "gram", lambda gram: gram[:3, :3]),
    "another dtype": lambda fields: {**fields, "card": {**fields["card"], "n": floats([float(N)], ())}},
    "not a number": put("card", "gram", at((0, 1), np.nan)),
    "infinite": put("fit.2", "beta", at(0, np.inf)),
    "a square below 0": put("card", "gram", at((2, 2), -3.0)),
    "not symmetric": put("card", "gram", at((0, 1), 300.0)),
    "correlated by more than one": put("card", "gram", lambda gram: at((1, 0), 1e4)(at((0, 1), 1e4)(gram))),
    "two variances less than none": put("card", "gram", lambda gram: 2 * np.diag(np.diagonal(gram)) - gram * 1.5),
    "no rows": put("card", "n", lambda n: n * 0),
    "rows below none": put("card", "n", lambda n: -n),
    "other rows than the Gram": put("card", "n", lambda n: n + 7),
    "more rows shown than there are": put("card", "n_observed", at(0, 1e6)),
    "fewer rows shown than none": put("card", "n_observed", at(3, -1.0)),
    "values upside down": put("card", "levels", lambda levels: levels[:, ::-1]),
    "errors below none": put("card", "error", lambda error: error - 99.0),
    "huge sums": put("card", "gram", lambda gram: gram * 1e200),
    "huge coefficients": put("fit.2", "beta", at(1, 1e200)),
    "no information": put("fit.2", "information", lambda information: information * 0),
    "information below none": put("fit.2", "information", at(0, -1.0)),
    "a fit of other rows": put("fit.2", "n", lambda n: n + 1),
}
POINTS: dict[str, Tamper] = {
    "nothing": lambda _: {},
    "a point too many": more(point_1="point.2"),
    "not a number": put("point.2", "gradient", at(0, np.nan)),
    "huge": put("point.2", "gradient", at(0, 1e200)),
    "no information": put("point.2", "information", lambda information: information * 0),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def told(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fields]:
    """What an honest site of few events answers to each question of a job with central's rows of `table(0)`."""
    bench = Bench(supervisor, tmp_path_factory.mktemp("honest"))
    try:
        central = await bench.open(CENTRAL, table(0))
        site = await bench.open("bern", table(3, prevalence=0.035))
        found: dict[str, Fields] = {}

        class Recorded(Watched):
            async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
                reply = await super().run_round(number, chains)
                found[self.steps[-1]] = answer(reply).fields
                return reply

        await bench.run(central, [Recorded(site)])
        return found
    finally:
        await bench.close()


def replaying(told: dict[str, Fields], step: str, tamper: Tamper) -> FakeParticipant:
    """A site that answers as the honest one did, but for one step."""

    def reply(number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        asked = chains[0].calls[-1].step
        return answers(number, tamper(told[asked]) if asked == step else told[asked])

    return FakeParticipant("bern", reply)


async def test_a_site_that_replays_an_honest_card_runs(bench: Bench, told: dict[str, Fields]) -> None:
    assert told.keys() == {RESERVED_STEP, CARD_STEP, POINT_STEP}
    engine = await bench.run(await bench.open(CENTRAL, table(0)), [replaying(told, CARD_STEP, lambda fields: fields)])
    assert engine.summary.imputations == 2


@pytest.mark.parametrize(
    ("step", "what"),
    [(RESERVED_STEP, what) for what in MARGINS] + [(CARD_STEP, what) for what in CARDS] + [(POINT_STEP, what) for what in POINTS],
)
async def test_what_no_rows_could_say_ends_the_job_under_the_sites_name_and_not_centrals_gate(
    bench: Bench, told: dict[str, Fields], step: str, what: str
) -> None:
    tamper = {RESERVED_STEP: MARGINS, CARD_STEP: CARDS, POINT_STEP: POINTS}[step][what]
    central = await bench.open(CENTRAL, table(0))
    with pytest.raises(TidegateError) as caught:
        await bench.run(central, [replaying(told, step, tamper)])
    assert caught.value.site == "bern", caught.value
    assert not central.processes[0].is_gone
    await central.wipe()
    assert b'"wiped_bytes"' in (bench.folder / "central.jsonl").read_bytes(), "the gate was there to wipe its rows"


async def test_two_sites_of_which_one_lies_are_told_apart(bench: Bench, told: dict[str, Fields]) -> None:
    central = await bench.open(CENTRAL, table(0))
    honest = replaying(told, CARD_STEP, lambda fields: fields)
    honest.name = "aarau"
    with pytest.raises(TidegateError) as caught:
        await bench.run(central, [honest, replaying(told, CARD_STEP, CARDS["correlated by more than one"])])
    assert caught.value.site == "bern"


def stood_in(told: dict[str, Fields], contract: Any, tamper: Tamper) -> StandIn:
    fields = arrays_of(tamper(told[CARD_STEP]))
    units = Units(np.zeros(4), np.ones(4), np.full(4, 0.5), np.array([False, True, False, False]))
    with np.errstate(all="ignore"):
        return StandIn(contract, units, fields, has_central_intercept=False, site="bern")


async def test_without_the_check_a_card_of_no_rows_would_be_believed(
    bench: Bench, told: dict[str, Fields], monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.open(CENTRAL, table(0))
    tamper = CARDS["more rows shown than there are"]
    with pytest.raises(Refusal) as caught:
        stood_in(told, bench.contract, tamper)
    assert (caught.value.code, caught.value.of_card) == (Code.CARD_IMPOSSIBLE, "bern")
    monkeypatch.setattr(taken_card, "check_card", lambda *_: None)
    assert int(stood_in(told, bench.contract, tamper).ask(KernelCall("gram", 1)).parts["n"]) == 1_000_000


async def test_what_a_card_says_of_a_selection_model_is_checked_too(bench: Bench, told: dict[str, Fields]) -> None:
    await bench.open(CENTRAL, table(0))
    fields = dict(arrays_of(told[CARD_STEP]))
    del fields["fit.2"]
    for information, is_possible in ((np.eye(9), True), (np.eye(9) - 0.5, False), (np.triu(np.full((9, 9), 0.1)) + np.eye(9), False)):
        fields["selection.1"] = {"n": np.asarray(300.0), "theta": np.zeros(9), "information": information}
        with contextlib.nullcontext() if is_possible else pytest.raises(Refusal):
            check_card(fields, bench.contract)
    assert CARD in fields
