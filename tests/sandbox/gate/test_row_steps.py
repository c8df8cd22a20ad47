"""Steps of code that sees rows, with what the workers answer played by a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

import sandbox.gate.row_steps
from policies import built_in
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError
from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import ChainGuard, Guard, Refusal
from sandbox.gate.ingest import Ingest
from sandbox.gate.lending import VERIFICATION, Contributions
from sandbox.gate.partition import MAX_BLOCKS, secret_partition
from sandbox.gate.region import Region
from sandbox.gate.release import Origin, Part, release
from sandbox.gate.row_steps import RowSteps
from sandbox.gate.rows import Rows
from sandbox.gate.survey import survey
from sandbox.manifest import parse_manifest
from sandbox.wire.codec import encode
from sandbox.wire.messages import CallBlocks, GateSetup, StepCall
from tests.one_chain import answers

DEFAULT = built_in("default")
MANIFEST = parse_manifest(b"""
name = "Played"
version = "1.0.0"
title = "Answers that a test plays"
access = "rows"
[capabilities]
targets = "many"
target_types = ["continuous", "binary"]
[steps.once]
request = { target = { type = "column" } }
reply = { total = { kind = "sum" } }
[steps.switches]
request = { target = { type = "column" }, one = { type = "bool" }, other = { type = "bool" } }
reply = { total = { kind = "sum" } }
[steps.predictors]
request = { target = { type = "column" }, one = { type = "predictor" } }
reply = { total = { kind = "sum" } }
[steps.nobody]
request = { value = { type = "float" } }
reply = { total = { kind = "sum" } }
[steps.together]
request = { one = { type = "column" }, other = { type = "column" } }
reply = { total = { kind = "sum" } }
[steps.fill]
fills = "target"
request = { target = { type = "column" } }
""")


class Played:
    """In place of the workers: they answer `blocks`, and the others `again`."""

    def __init__(self, _: Sequence[object], rows: Rows, draws: RowDraws, __: object) -> None:
        self.rows = rows
        self.partition = secret_partition(draws, rows.file_rows, VERIFICATION, MAX_BLOCKS)
        random = np.random.default_rng(1)
        self.blocks = random.normal(size=(len(self.partition.sizes), 1))
        self.again = self.blocks

    def call(self, message: CallBlocks, numbers: object = None) -> None:
        """Nothing is sent."""

    def contributions(self, n_numbers: int) -> Contributions:
        assert n_numbers == 1
        return Contributions(self.blocks.sum(axis=0), self.blocks, self.again)

    def filled(self) -> tuple[np.ndarray, list[object]]:
        return np.zeros(self.rows.n), []

    def set_column(self, position: int) -> None:
        """Nothing is sent."""


@pytest.fixture(params=[False])
def steps(
    request: pytest.FixtureRequest,
    region: Region,
    make_setup: Callable[..., GateSetup],
    csv_text: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> RowSteps:
    monkeypatch.setattr(sandbox.gate.row_steps, "Lending", Played)
    ingest = Ingest(make_setup(), region)
    ingest.feed(csv_text(300).encode())
    dataset = ingest.finish()
    assert dataset is not None
    rows = survey(dataset, DEFAULT, region, is_central=True, central_intercept=False).rows
    assert rows is not None
    rows.standardise(np.zeros(rows.n_columns), np.ones(rows.n_columns), {index: np.zeros(rows.n_missing(index)) for index in rows.targets})
    guard = Guard(DEFAULT, is_central=False)
    declared = Declarations(MANIFEST, dataset.contract, False)
    found = RowSteps(
        [], rows, declared, DEFAULT, guard, ChainGuard(guard, 100), lambda *_: None, is_reviewed=True, tells_reasons=request.param
    )
    is_binary = np.array([index in rows.targets and dataset.contract.column(index).is_binary for index in rows.model])
    units = SimpleNamespace(is_binary=is_binary, centre=np.zeros(rows.n_columns), scale=np.ones(rows.n_columns))
    found.load(units, RowDraws(bytes(16)))
    return found


def ask(steps: RowSteps, step: str, **request: object) -> float:
    call = StepCall(step, request)
    steps._declared.check_request(step, request)
    return float(steps.run(call, MANIFEST.steps[step])["total"].parts["value"])


def n_answered(steps: RowSteps, step: str, **request: object) -> int:
    for number in range(DEFAULT.max_evaluations_per_fit + 10):
        try:
            ask(steps, step, **request)
        except Refusal as refused:
            assert refused.code is Code.RULE_EVALUATIONS
            return number
    return number + 1


def test_what_leaves_is_the_sum_of_the_blocks_on_a_grid(steps: RowSteps) -> None:
    total = ask(steps, "once", target=steps._rows.targets[0])
    assert total == pytest.approx(float(steps._lending.blocks.sum()), rel=1e-9)
    assert total != float(steps._lending.blocks.sum())


def test_two_workers_that_answer_a_block_in_two_ways_end_the_job_and_are_not_asked_again(steps: RowSteps) -> None:
    steps._lending.again = steps._lending.blocks.copy()
    steps._lending.again[7] += 1e-3
    with pytest.raises(PeerError) as ended:
        ask(steps, "once", target=steps._rows.targets[0])
    assert ended.value.code is Code.WORKER_PROTOCOL


@pytest.mark.parametrize("step", ["switches", "predictors", "nobody", "together"])
def test_whatever_central_varies_in_a_question_it_has_so_many_until_the_next_draw(steps: RowSteps, step: str) -> None:
    one, other = steps._rows.targets
    (predictor, *_) = [index for index in steps._rows.model if index not in steps._rows.targets]
    request: dict[str, object] = {
        "switches": {"target": one, "one": True, "other": False},
        "predictors": {"target": one, "one": predictor},
        "nobody": {"value": 1.0},
        "together": {"one": one, "other": other},
    }[step]
    assert n_answered(steps, step, **request) == DEFAULT.max_evaluations_per_fit
    ask(steps, "once", target=one)
    steps.run(StepCall("fill", {"target": one}), MANIFEST.steps["fill"])
    if step == "together":
        ask(steps, "once", target=other)
        steps.run(StepCall("fill", {"target": other}), MANIFEST.steps["fill"])
    ask(steps, step, **request)


def test_a_question_that_central_cannot_vary_is_not_counted(steps: RowSteps) -> None:
    assert n_answered(steps, "once", target=steps._rows.targets[0]) > DEFAULT.max_evaluations_per_fit


@pytest.mark.parametrize(("steps", "is_told"), [(False, False), (True, True)], indirect=["steps"])
def test_why_an_answer_was_refused_stays_at_the_site_but_in_a_simulation(steps: RowSteps, is_told: bool) -> None:
    (target, *_), lending = steps._rows.targets, steps._lending
    honest = lending.blocks
    reasons = {
        Code.RULE_CONTRIBUTORS: np.where(np.arange(len(honest))[:, None] == 3, 1.0, 0.0),
        Code.RULE_NOT_FINITE: np.full_like(honest, np.nan),
    }
    for reason, blocks in reasons.items():
        lending.blocks = lending.again = blocks
        with pytest.raises(Refusal) as refused:
            ask(steps, "once", target=target)
        assert refused.value.code is reason
        assert refused.value.outward is (reason if is_told else Code.RULE_ROWS_ANSWER)
    # What central asked is no secret of a row: there the reason is told.
    with pytest.raises(Refusal) as refused:
        ask(steps, "nobody", value=1e9)
    assert refused.value.outward is refused.value.code is Code.RULE_REQUEST_BOUNDS


def test_the_outward_code_is_all_that_leaves_of_a_refusal() -> None:
    part = Part(0, refusal=Refusal(Code.WORKER_RAISED, 17, Code.RULE_ROWS_ANSWER))
    released = release(Origin("job", "site", "", ""), 3, [part], {}, 1000)
    assert released.body == encode(answers(3, refused=Code.RULE_ROWS_ANSWER))
    assert json.loads(released.entry)["refused"] == [{"chain": 1, "code": "worker.raised", "line": 17}]
