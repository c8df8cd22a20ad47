"""Side doors of a blind pair: whatever a worker could say with its behaviour, it has nothing to say, for it never sees a row.

And the front door: the form of what leaves (sizes, keys, zeros, last digits) is the same whatever the rows are.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import built_in
from sandbox.errors import Code
from sandbox.rounds.timing import ReplyTimes
from sandbox.wire.codec import encode
from sandbox.wire.messages import CallStep, StepDone, StepFailed
from tests.disclosure.leaks_of_rows import released
from tests.disclosure.people import CENTRE, DEFAULT, WIDTH, people
from tests.disclosure.played import Site, Values, honest, part
from tests.sandbox.gate.verification.played import normal_site

TARGETS = {"y": "continuous", "b": "binary"}


def play(site: Callable[..., Site], seed: int, worker: Callable[[CallStep], object] = honest) -> list[bytes]:
    """The same questions to the data of a seed; everything that left, encoded."""
    played = site(people(seed=seed), TARGETS, DEFAULT, sweeps=4)
    said = [played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], worker=worker)]
    said.append(played.moments("y")[0])
    for number in range(3):
        said.append(played.score("b", [0.1 * number, 0.0, 0.2])[0])
        said.append(played.moments("y", played.draw("b", [0.3, 0.1, 0.0]))[0])
    return [encode(reply) for reply in said]


def test_a_worker_is_told_the_same_whatever_the_rows_are(site) -> None:
    # So its exceptions, prints, warnings, state between calls, choice of keys and speed are the same, too.
    heard: dict[int, list[bytes]] = {1: [], 2: []}

    def listen(seed: int) -> Callable[[CallStep], StepDone]:
        def worker(call: CallStep) -> StepDone:
            heard[seed].append(encode(call))
            return honest(call)

        return worker

    left = [play(site, seed, listen(seed)) for seed in (1, 2)]
    assert heard[1] == heard[2]
    assert len(heard[1]) == 10
    assert left[0] != left[1], "the control: the rows do differ"


def test_sizes_of_what_leaves_are_the_same_whatever_the_rows_are(site) -> None:
    sizes = [[len(body) for body in play(site, seed)] for seed in (1, 2, 3)]
    assert sizes[0] == sizes[1] == sizes[2]


@pytest.mark.parametrize("answer", [StepFailed(line=7), StepFailed(line=23), StepDone((), {"age_of_row_1": 0}), StepDone()])
def test_whatever_the_worker_does_wrong_one_of_two_codes_leaves_and_nothing_else(site, answer) -> None:
    played = site(people(), TARGETS, DEFAULT)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], worker=lambda call: answer)
    reply, _ = played.moments("y")
    assert reply.refused in (Code.WORKER_RAISED, Code.RULE_UNDECLARED)
    assert encode(reply) == encode(type(reply)(reply.chain, refused=reply.refused))


def test_a_choice_of_errors_is_a_channel_that_closes_after_the_budget(site) -> None:
    policy = msgspec.structs.replace(DEFAULT, refusal_budget=3)
    played = site(people(), TARGETS, policy)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], worker=lambda call: StepFailed())
    codes = [played.moments("y")[0].refused for _ in range(5)]
    assert codes == [Code.WORKER_RAISED] * 3 + [Code.RULE_REFUSAL_BUDGET] * 2


def test_zeros_have_no_sign_and_last_digits_are_empty(site) -> None:
    data = people()
    data["zero"] = np.where(np.arange(1000) % 2, -0.0, 0.0)
    data["flat"] = np.full(1000, -3.0)
    played = site(data, TARGETS, DEFAULT)
    played.begin(centre=[CENTRE, 0.0, 0.0, 0.0, -3.0], scale=[WIDTH, 1.0, 1.0, 1.0, 1.0])
    reply, _ = played.moments("y")
    record = reply.fields["moments"]
    numbers = [
        struct.unpack("<d", array.data[i : i + 8])[0]
        for array in record.values()
        if array.dtype == "<f8"
        for i in range(0, array.size * 8, 8)
    ]
    assert any(number == 0 for number in numbers)
    assert all(math.copysign(1.0, number) > 0 for number in numbers if number == 0)
    XX = part(reply, "moments", "XX")
    bound = np.sqrt(np.outer(np.diag(XX), np.diag(XX)))
    for value, reach in zip(XX.ravel(), bound.ravel(), strict=True):
        if reach > 0:
            step = 2.0 ** math.floor(math.log2(DEFAULT.gram_grid * reach * (1 - 1e-9)))
            assert value / step == round(value / step)


def test_a_change_below_the_grid_of_one_row_does_not_show(site) -> None:
    released = []
    for change in (0.0, 1e-9):
        data = people()
        data["y"][3] += change
        played = site(data, TARGETS, built_in("default"))
        played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0])
        released.append(part(played.moments("y")[0], "moments", "yy"))
    assert np.array_equal(*released)


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
    # Two round trips to the site: the margins and one Gram.
    assert result["released"]["continuous_remote1"]["messages"] == 2
    assert result["seconds"]["margins"] > 0.4
    assert result["seconds"]["rounds"] > 0.4


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
