"""Side doors of a blind pair: whatever a worker could say with its behaviour, it has nothing to say, for it never sees a row.

And the front door: the form of what leaves (sizes, keys, zeros, last digits) is the same whatever the rows are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import Policy, built_in
from policies.life_budget import error_size
from sandbox.errors import Code
from sandbox.job import check_job, job_from_table
from sandbox.rounds.timing import ReplyTimes
from sandbox.wire.codec import encode
from sandbox.wire.messages import Acknowledged, Begin, CallStep, ChainReply, Constants, GateSetup, StepCall, StepDone, StepFailed
from sandbox.wire.values import floats
from tests.disclosure.leaks_of_rows import released
from tests.disclosure.people import CENTRE, DEFAULT, WIDTH, people
from tests.disclosure.played import SECRET, Values, as_csv, contract_of, job_of
from tests.sandbox.gate.conftest import PAIR, GateUnderTest, NewGate, new_gate
from tests.sandbox.gate.test_serve import honest, run
from tests.sandbox.gate.verification.played import normal_site

__all__ = ["new_gate"]
TARGETS = {"y": "continuous", "b": "binary"}
EXACT = msgspec.structs.replace(built_in("research"), name="exact", max_parameter_ratio=1.0)
CENTRES, SCALES = floats([CENTRE, 0.0, 0.0]), floats([WIDTH, 1.0, 1.0])
Y, B = 2, 3


def played(gate: GateUnderTest, data: dict[str, Values], policy: Policy, worker: Callable[[CallStep], object] = honest) -> list[ChainReply]:
    """The gate of a site of SIMICE that has stated margins and card; under exact answers it has begun."""
    contract = contract_of(data, TARGETS, ("NA",), ())
    spec = check_job(job_from_table(job_of(TARGETS, 4)), PAIR.manifest)
    gate.pipe.send(GateSetup("job", "site", False, policy, spec, PAIR.manifest_bytes, PAIR.digest, contract, SECRET))
    report = gate.upload(as_csv(data))
    assert report.is_clean, report.findings
    gate.make_card(report, error=error_size(policy, report.n_rows))
    c = len(contract.model)
    centre, scale = floats([*CENTRES.numbers(), *[0.0] * (c - 3)]), floats([*SCALES.numbers(), *[1.0] * (c - 3)])
    said = [run(gate, 0, StepCall("margins"))[0], run(gate, 1, StepCall("card", {"centre": centre, "scale": scale}))[0]]
    if policy.points == "exact":
        assert gate.attach(worker) == Acknowledged()  # type: ignore[arg-type]
        assert gate.ask(Begin(Constants(centre, scale, floats([CENTRE, 0.0, 0.5, *[0.0] * (c - 3)])))) == Acknowledged()
    return said


def asked(gate: GateUnderTest, data: dict[str, Values], worker: Callable[[CallStep], object] = honest) -> list[bytes]:
    """Everything that leaves an exact site for the same questions, encoded."""
    said = played(gate, data, EXACT, worker)
    for number in range(3):
        beta = floats([0.1 * number, 0.0, 0.2])
        said.append(run(gate, 2 + 2 * number, StepCall("score", {"target": B, "beta": beta}))[0])
        draw = StepCall("impute_binary", {"target": B, "beta": beta}, is_tell=True)
        said.append(run(gate, 3 + 2 * number, draw, StepCall("moments", {"target": Y}))[0])
    return [encode(reply) for reply in said]


def test_a_worker_is_told_the_same_whatever_the_rows_are(new_gate: NewGate) -> None:
    # So its exceptions, prints, warnings, state between calls, choice of keys and speed are the same, too.
    heard: dict[int, list[bytes]] = {1: [], 2: []}

    def listen(seed: int) -> Callable[[CallStep], StepDone]:
        def worker(call: CallStep) -> StepDone:
            heard[seed].append(encode(call))
            return honest(call)

        return worker

    left = [asked(new_gate(64 << 20), people(seed=seed), listen(seed)) for seed in (1, 2)]
    assert heard[1] == heard[2]
    assert len(heard[1]) == 9
    assert left[0] != left[1], "the control: the rows do differ"


def test_sizes_of_what_leaves_are_the_same_whatever_the_rows_are(new_gate: NewGate) -> None:
    sizes = set()
    for seed in (1, 2, 3):
        gate = new_gate(64 << 20)
        said = played(gate, people(seed=seed), DEFAULT)
        said.append(run(gate, 2, StepCall("point", {f"beta.{B}": floats([0.1, 0.0, 0.2])}))[0])
        sizes.add(tuple(len(encode(reply)) for reply in said))
    assert len(sizes) == 1
    assert len({tuple(map(len, asked(new_gate(64 << 20), people(seed=seed)))) for seed in (1, 2)}) == 1


@pytest.mark.parametrize("answer", [StepFailed(line=7), StepFailed(line=23), StepDone((), {"age_of_row_1": 0}), StepDone()])
def test_whatever_the_worker_does_wrong_one_of_two_codes_leaves_and_nothing_else(new_gate: NewGate, answer: StepDone | StepFailed) -> None:
    gate = new_gate(64 << 20)
    played(gate, people(), EXACT, lambda _: answer)
    reply, _ = run(gate, 2, StepCall("moments", {"target": Y}))
    assert reply.refused in (Code.WORKER_RAISED, Code.RULE_UNDECLARED)
    assert encode(reply) == encode(ChainReply(reply.chain, refused=reply.refused))


def test_a_site_that_states_its_card_runs_no_code_of_the_pair_at_all(new_gate: NewGate) -> None:
    heard: list[CallStep] = []

    def listen(call: CallStep) -> StepDone:
        heard.append(call)
        return honest(call)

    for policy, n_heard in ((DEFAULT, 0), (EXACT, 1)):
        gate = new_gate(64 << 20)
        if policy is DEFAULT:
            played(gate, people(), policy)
            assert gate.attach(listen) == Acknowledged()
            run(gate, 2, StepCall("point", {f"beta.{B}": floats([0.1, 0.0, 0.2])}))
        else:
            played(gate, people(), policy, listen)
            run(gate, 2, StepCall("moments", {"target": Y}))
        assert len(heard) == n_heard


def test_zeros_have_no_sign_and_last_digits_of_exact_answers_are_empty(new_gate: NewGate) -> None:
    data = people()
    data["zero"] = np.where(np.arange(1000) % 2, -0.0, 0.0)
    data["flat"] = np.full(1000, -3.0)
    gate = new_gate(64 << 20)
    played(gate, data, EXACT)
    record = run(gate, 2, StepCall("moments", {"target": Y}))[0].fields["moments"]
    numbers = [number for array in record.values() if array.dtype == "<f8" for number in array.numbers()]
    assert any(number == 0 for number in numbers)
    assert all(math.copysign(1.0, number) > 0 for number in numbers if number == 0)
    XX = np.array(record["XX"].numbers()).reshape(record["XX"].shape)
    bound = np.sqrt(np.outer(np.diag(XX), np.diag(XX)))
    for value, reach in zip(XX.ravel(), bound.ravel(), strict=True):
        if reach > 0:
            step = 2.0 ** math.floor(math.log2(EXACT.gram_grid * reach * (1 - 1e-9)))
            assert value / step == round(value / step)


def test_a_change_below_the_grid_of_one_row_does_not_show(new_gate: NewGate) -> None:
    released = []
    for change in (0.0, 1e-11, 1e-3):
        data = people()
        data["y"][3] += change
        gate = new_gate(64 << 20)
        played(gate, data, EXACT)
        released.append(run(gate, 2, StepCall("moments", {"target": Y}))[0].fields["moments"]["yy"])
    assert released[0] == released[1]
    assert released[0] != released[2], "the control"


@pytest.mark.parametrize(("elapsed", "leaves_at"), [(0.001, 0.1), (0.0999, 0.1), (0.1001, 0.2), (0.25, 0.3)])
def test_a_reply_leaves_at_whole_buckets_of_time(elapsed: float, leaves_at: float) -> None:
    policy = msgspec.structs.replace(DEFAULT, reply_seconds=0.1)
    assert elapsed + ReplyTimes(policy, sees_rows=False).wait("moments", elapsed) == pytest.approx(leaves_at)
    assert ReplyTimes(DEFAULT, sees_rows=False).wait("moments", elapsed) == 0


def test_a_step_that_sees_rows_is_as_slow_as_it_ever_was_in_doublings() -> None:
    times = ReplyTimes(msgspec.structs.replace(DEFAULT, rows_reply_seconds=0.1), sees_rows=True)
    took = [
        ("moments", 0.001),
        ("moments", 0.09),
        ("moments", 0.15),
        ("moments", 0.001),
        ("score", 0.001),
        ("moments", 0.7),
        ("moments", 0.2),
    ]
    leaves_at = [elapsed + times.wait(step, elapsed) for step, elapsed in took]
    assert leaves_at == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.1, 0.8, 0.8])


@given(st.lists(st.floats(0.0, 60.0), max_size=50))
def test_a_step_that_sees_rows_never_gets_faster_and_never_leaves_early(took: list[float]) -> None:
    times = ReplyTimes(DEFAULT, sees_rows=True)
    waits = [times.wait("moments", elapsed) for elapsed in took]
    leaves_at = [elapsed + wait for elapsed, wait in zip(took, waits, strict=True)]
    assert all(wait >= -1e-9 for wait in waits)
    assert all(later >= sooner - 1e-9 for sooner, later in itertools.pairwise(leaves_at))
    assert len({round(time, 6) for time in leaves_at}) <= 1 + math.ceil(math.log2(60 / DEFAULT.rows_reply_seconds))


async def test_replies_of_a_site_under_strict_leave_at_whole_buckets(simulate) -> None:
    job = {"imputations": 2, "seed": 1, "targets": [{"column": 1, "type": "continuous"}]}
    golden = Path(__file__).parents[1] / "golden"
    files = [golden / f"continuous_{name}.csv" for name in ("central", "remote1")]
    policy = msgspec.structs.replace(DEFAULT, reply_seconds=0.4)
    result = await simulate("SIMI", job, files[0], files[1:], policy)
    # Two round trips to the site: the margins and the card. No later round waits for it.
    assert result["released"]["continuous_remote1"]["messages"] == 2
    assert result["seconds"]["margins"] > 0.4
    assert result["seconds"]["cards"] > 0.4
    assert result["seconds"]["rounds"] < 0.4


@pytest.mark.parametrize("n", [200, 1200])
def test_what_code_that_sees_rows_adds_below_the_grid_does_not_leave(n: int) -> None:
    """A bit of one person, 1e-11 of a row's contribution: every sum is one over rows and passes, and the grid takes the bit."""
    numbers, exact = [], []
    for bit in (0.0, 1.0):
        rows = normal_site(n)
        rows.rows[0, 1] = bit

        def code(some: Values, known: float = rows.rows[0, 0]) -> Values:
            return np.array([(some[:, 2] ** 2 + 1e-11 * some[:, 1] * (some[:, 0] == known)).sum()])

        numbers.append(released(rows, code, None))
        exact.append(rows.run(code).whole)
    assert exact[0] != exact[1]
    assert np.array_equal(*numbers)
