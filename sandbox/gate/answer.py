"""Rounds at one participant: calls in, one reply out, or the first refusal. The whole reply fails closed.

For every call the request is held to the manifest, the worker names kernels, what it names is held to the manifest too, and then, and only
then, the kernels run under the guard. Nothing is released partially: fields are collected and leave together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from policies import Policy
from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, LimitError, PeerError
from sandbox.estimation.cholesky import FitError
from sandbox.gate import kernels, own_fit, selection
from sandbox.gate.budget import Budget
from sandbox.gate.draws import RowDraws
from sandbox.gate.form import check_calls
from sandbox.gate.guard import Guard, Refusal
from sandbox.gate.kernels import Answer, Moments, Units
from sandbox.gate.pool import Pool
from sandbox.gate.release import Field, Origin, Release, make_record, release_fields, release_refusal
from sandbox.gate.row_steps import RowSteps
from sandbox.gate.rows import Matrix, Rows
from sandbox.manifest import RESERVED_STEP, ReplyField, Step
from sandbox.wire.codec import encode, encode_request
from sandbox.wire.messages import Constants, KernelCall, RunRound, StepCall, StepDone
from sandbox.wire.values import Array


class Worker(Protocol):
    """What runs the steps of the pair."""

    def call(self, call: StepCall) -> StepDone:
        """Run a step; see :class:`sandbox.gate.attached.AttachedWorker`."""


@dataclass(slots=True)
class Trace:
    """Mean and variance of central's imputed cells of one target, one entry per draw, raw units."""

    means: list[float]
    variances: list[float]


class Answering:
    """Answers the rounds of one job from its rows."""

    def __init__(self, rows: Rows, contract: Contract, declared: Declarations, policy: Policy, guard: Guard, draws: RowDraws) -> None:
        self.rows = rows
        self.traces: dict[int, Trace] = {}
        self.units: Units | None = None
        self._contract = contract
        self._declared = declared
        self._policy = policy
        self._guard = guard
        self._draws = draws
        self._budget = Budget()
        self._own_fits: dict[int, Matrix] = {}
        self._row_steps: RowSteps | None = None

    def begin(self, constants: Constants) -> None:
        """Fix the units, standardise the rows and fill missing cells with start values. Raises :class:`Refusal`."""
        try:
            units = Units.of(constants, self._contract)
        except ValueError as error:
            raise Refusal(Code.RULE_NOT_FINITE) from error
        self._guard.check_units(kernels.fits(self.rows, units))
        starts = (units.mean - units.centre) / units.scale
        self._guard.check_start(float(np.abs(starts[~units.is_binary]).max(initial=0.0)))
        self._draws = self._draws.asked(encode(constants))
        uniforms = {index: self._draws.uniform(index, 0, self.rows.missing_rows(index)) for index in self.rows.targets}
        self.rows.standardise(units.centre, units.scale, kernels.start_values(self.rows, units, uniforms))
        if not self.rows.is_finite:
            raise Refusal(Code.RULE_NOT_FINITE)
        self.units = units
        if self._row_steps is not None:
            self._row_steps.load(units, self._draws)

    def margins(self, origin: Origin, message: RunRound) -> Release:
        """The built-in first round: no worker takes part in it. Its question has no arguments, so only the rows decide."""
        steps: list[dict[str, Any]] = [{"step": RESERVED_STEP}]
        try:
            self._guard.open_round()
            self._guard.check_rows(self.rows.n)
            fields = {RESERVED_STEP: self._field(kernels.margins(self.rows), 0, ReplyField(RESERVED_STEP))}
            return release_fields(origin, message.number, steps, fields, self._guard.verdicts, self._policy.max_frame_bytes)
        except Refusal as refusal:
            return self._refuse(origin, message.number, steps, refusal)

    def round(self, origin: Origin, message: RunRound, worker: Worker | None) -> Release:
        """Run the calls of a round in order. `worker` is that of a blind pair. Raises `PeerError` or `LimitError` when one cannot go on."""
        steps: list[dict[str, Any]] = []
        fields: dict[str, Field] = {}
        steps_on_rows = self._row_steps
        n_before = 0 if steps_on_rows is None else steps_on_rows.n_spent
        try:
            self._guard.open_round()
            for number, call in enumerate(message.calls, 1):
                steps.append(self._describe(call))
                if not call.is_tell and number != len(message.calls):
                    raise Refusal(Code.RULE_UNDECLARED)
                fields = self._run(call, worker)
            innovation = None if steps_on_rows is None else steps_on_rows.n_spent - n_before
            max_bytes = self._policy.max_frame_bytes
            return release_fields(origin, message.number, steps, fields, self._guard.verdicts, max_bytes, innovation)
        except Refusal as refusal:
            return self._refuse(origin, message.number, steps, refusal)

    # --- one call

    def lend(self, pools: Sequence[Pool], *, is_reviewed: bool, tells_reasons: bool) -> None:
        """Have the steps run by code that sees the rows; see :class:`sandbox.gate.row_steps.RowSteps`."""
        rights = {"is_reviewed": is_reviewed, "tells_reasons": tells_reasons}
        self._row_steps = RowSteps(pools, self.rows, self._declared, self._policy, self._guard, self._note, **rights)

    @property
    def _q(self) -> int:
        return self._declared.extent("q")

    def _run(self, call: StepCall, worker: Worker | None) -> dict[str, Field]:
        try:
            step = self._declared.step(call.step)
            self._declared.check_request(call.step, call.request)
        except PeerError as error:
            raise Refusal(error.code) from error
        if (call.is_tell and step.reply) or (step.at == "central" and not self._guard.is_central):
            raise Refusal(Code.RULE_UNDECLARED)
        if self._row_steps is not None:
            answers = self._row_steps.run(call, step)
            target = next(iter(self._declared.targets(call)), 0)
            return {name: self._field(answers[name], target, field, f"{call.step}.{name}") for name, field in step.reply.items()}
        if worker is None:
            raise PeerError(Code.GATE_PROTOCOL)
        done = worker.call(call)
        if len(done.calls) > self._policy.max_messages_per_step:
            raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._policy.max_messages_per_step)
        check_calls(done, step, self._contract, self._declared)
        return self._compute(done, step)

    def _compute(self, done: StepDone, step: Step) -> dict[str, Field]:
        names = {number: name for name, number in done.fields.items()}
        fields: dict[str, Field] = {}
        for number, call in enumerate(done.calls):
            if call.kernel == "draw":
                self._draw(call)
            else:
                answer = self._ask(call)
                fields[names[number]] = self._field(answer, call.target, step.reply[names[number]])
        return {name: fields[name] for name in step.reply}

    def _field(self, answer: Answer, target: int, declared: ReplyField, place: str = "") -> Field:
        record = make_record(answer, declared, self._policy, self._declared.extents)
        return Field(answer.kind, record, self._budget.count_new(place or answer.kind, target, record))

    def _ask(self, call: KernelCall) -> Answer:
        units, target = self._begun(), call.target
        self._guard.check_fit(self.rows.n_observed(target), self._q)
        match call.kernel:
            case "imputed_summary":
                return kernels.imputed_summary(self.rows, units, target)
            case "gram":
                answer = kernels.gram(self.rows, units, target)
            case "selection_score":
                answer = self._ask_selection(call, units)
            case _:
                answer = self._ask_glm(call, units)
        self._guard.mark_fitted(target)
        return answer

    def _ask_glm(self, call: KernelCall, units: Units) -> Answer:
        target, family = call.target, call.family or "gaussian"
        self._guard.count_evaluation(target)
        if call.kernel == "glm_fit":
            start = self._own_fits.get(target, np.zeros(self._q))
            try:
                score = own_fit.glm_fit(self.rows, units, target, family, call.ridge or 0.0, start, self.rows.p - self.rows.n_columns)
            except FitError as error:
                raise Refusal(error.code) from error
            self._own_fits[target] = np.asarray(score.answer.parts["beta"], np.float64)
        elif call.kernel == "glm_gradient":
            score = own_fit.glm_gradient(self.rows, units, target, _numbers(call.beta), family)
        else:
            score = kernels.glm_score(self.rows, units, target, _numbers(call.beta))
        self._guard.check_question(target, score.answer.n, score.max_abs_eta, score.weight_sum)
        return score.answer

    def _ask_selection(self, call: KernelCall, units: Units) -> Answer:
        target, theta = call.target, _numbers(call.theta)
        self._guard.check_fit(self.rows.n, len(theta))
        self._guard.count_evaluation(target)
        score = selection.selection_score(self.rows, units, target, call.exclusion or 0, theta)
        if not np.isfinite(score.max_abs_eta):
            raise Refusal(Code.RULE_NOT_FINITE)
        counts = (self.rows.n_observed(target), self.rows.n_missing(target))
        self._guard.check_selection(target, counts, self._q, score.max_abs_eta, abs(float(theta[-1])), score.weight_sum)
        return score.answer

    def _draw(self, call: KernelCall) -> None:
        units, target = self._begun(), call.target
        number, missing = self._guard.next_draw(target), self.rows.missing_rows(target)
        sigma, correlation = call.sigma, 0.0
        draws = self._draws.asked(encode(call))
        if call.theta is not None:
            theta = _numbers(call.theta)
            sigma, correlation = (float(np.exp(theta[-2])) if call.family == "gaussian" else None), abs(float(theta[-1]))
            uniforms = (
                draws.uniform(target, number, missing, self.rows.noise),
                draws.uniform(target, number, missing, self.rows.eta, word=1),
            )
            filled = selection.draw_selection(self.rows, units, target, call.exclusion or 0, theta, uniforms)
        else:
            numbers = draws.uniform if sigma is None else draws.normal
            noise = numbers(target, number, missing, self.rows.noise)
            filled = kernels.draw(self.rows, units, target, _numbers(call.beta), sigma, noise)
        try:
            if not np.isfinite(filled.max_abs_eta):
                raise Refusal(Code.RULE_NOT_FINITE)
            self._guard.check_draw(target, filled.max_abs_eta, sigma, correlation)
        except Refusal:
            self.rows.undo(target)
            raise
        # One chain: what a later draw does to a row also depends on what the earlier ones put there.
        self._draws = draws
        self._note(target, filled.moments)

    def _note(self, target: int, moments: Moments) -> None:
        if moments.n:
            trace = self.traces.setdefault(target, Trace([], []))
            trace.means.append(moments.mean)
            trace.variances.append(moments.variance)

    def _begun(self) -> Units:
        if self.units is None:
            raise Refusal(Code.GATE_PROTOCOL)
        return self.units

    def _refuse(self, origin: Origin, number: int, steps: list[dict[str, Any]], refusal: Refusal) -> Release:
        self._guard.count_refusal()
        return release_refusal(origin, number, steps, refusal, self._guard.verdicts)

    def _describe(self, call: StepCall) -> dict[str, Any]:
        """A step as the ledger shows it: its name, when the manifest has it, and the columns it was asked about."""
        try:
            step = self._declared.step(call.step)
        except PeerError:
            return {"step": "(undeclared)"}
        columns = [call.request.get(name) for name, field in step.request.items() if field.type == "column"]
        known = [index for index in columns if isinstance(index, int) and index in self._contract.targets]
        names = [{"index": index, "name": self._contract.column(index).name} for index in known]
        # Which β was asked is told by its hash: an auditor who is shown a question can tell whether it is this one.
        return {"step": call.step, "columns": names, "request_sha256": hashlib.sha256(encode_request(call.request)).hexdigest()}


def _numbers(array: Array | None) -> Matrix:
    if array is None:
        raise Refusal(Code.RULE_UNDECLARED)
    return np.frombuffer(array.data)
