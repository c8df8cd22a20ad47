"""Steps of code that sees rows, with what the workers answer played by a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import sandbox.gate.row_steps
from policies import built_in
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError
from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import ChainGuard, Guard, Refusal
from sandbox.gate.ingest import Ingest
from sandbox.gate.kernels import Units
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
[steps.fit]
request = { target = { type = "column" } }
reply = { fit = { kind = "estimate", score = "score" } }
[steps.score]
request = { target = { type = "column" }, beta = { type = "float", shape = ["q"] } }
reply = { gradient = { kind = "sum", shape = ["q"] }, information = { kind = "sum", shape = ["q", "q"] } }
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
        [],
        rows,
        declared,
        DEFAULT,
        guard,
        ChainGuard(guard, 100),
        lambda *_: None,
        lambda *_: True,
        is_reviewed=True,
        tells_reasons=request.param,
    )
    is_binary = np.array([index in rows.targets and dataset.contract.column(index).is_binary for index in rows.model])
    zeros = np.zeros(rows.n_columns)
    units = Units(zeros, np.ones(rows.n_columns), zeros, is_binary)
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


class Fitted(Played):
    """Workers that answer the score and the information of a line; `one_row_at_zero`: at zero the score is that of one row."""

    one_row_at_zero = False

    def call(self, message: CallBlocks, numbers: object = None) -> None:
        self.asked = [*getattr(self, "asked", []), message.step]
        beta = np.frombuffer(message.request["beta"].data)
        random = np.random.default_rng(2)
        X = random.normal(size=(len(self.partition.sizes), len(beta)))
        self.y, self.X = X @ np.linspace(-1, 1, len(beta)) + random.normal(size=len(X)), X
        gradient = X * (self.y - X @ beta)[:, None]
        if self.one_row_at_zero and not beta.any():
            gradient[1:] = 0.0
        products = np.einsum("ij,ik->ijk", X, X).reshape(len(X), -1)
        self.blocks = self.again = np.column_stack([gradient, products])

    def contributions(self, n_numbers: int) -> Contributions:
        assert n_numbers == self.blocks.shape[1]
        return Contributions(self.blocks.sum(axis=0), self.blocks, self.again)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch, steps: RowSteps) -> RowSteps:
    monkeypatch.setattr(sandbox.gate.row_steps, "Lending", Fitted)
    steps.load(steps._units, RowDraws(bytes(16)))
    return steps


def test_an_estimate_is_found_from_sums_alone_and_only_what_leaves_is_spent(fitted: RowSteps) -> None:
    call = StepCall("fit", {"target": fitted._rows.targets[0]})
    parts = fitted.run(call, MANIFEST.steps["fit"])["fit"].parts
    lending, q = fitted._lending, len(parts["beta"])
    assert lending.asked == ["score", "score"], "nobody is asked for the estimate"
    assert np.allclose(parts["beta"], np.linalg.lstsq(lending.X, lending.y)[0], atol=1e-3)
    assert np.allclose(parts["information"], lending.X.T @ lending.X, rtol=1e-2, atol=1)
    assert fitted.n_spent == q + q * (q + 1) // 2


def test_sums_on_the_way_to_an_estimate_are_judged_as_if_they_left(fitted: RowSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fitted, "one_row_at_zero", True)
    with pytest.raises(Refusal) as refused:
        fitted.run(StepCall("fit", {"target": fitted._rows.targets[0]}), MANIFEST.steps["fit"])
    assert refused.value.code is Code.RULE_CONTRIBUTORS
    assert fitted.n_spent == 0


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_fill_that_would_change_few_rows_is_made_and_leaves_the_rows_as_they_were(steps: RowSteps, is_taken: bool) -> None:
    (target,) = (index for index in steps._rows.targets if steps._units.is_binary[steps._rows.position(index)])
    before, lent = steps._rows.filled(target), []
    steps._questions.mark_fitted(target)
    steps._lending.filled = lambda: (np.ones(steps._rows.n), [])
    steps._lending.set_column = lent.append
    steps._is_taken = lambda of: is_taken or steps._rows.undo(of)
    steps.run(StepCall("fill", {"target": target}), MANIFEST.steps["fill"])
    assert steps._questions.next_fill(target) == 2
    assert np.array_equal(steps._rows.filled(target), before) is not is_taken
    assert lent == [steps._rows.position(target)] * is_taken
