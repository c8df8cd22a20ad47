"""Rounds at one participant: calls in, one reply out. Every chain's part of it is its answer or its first refusal, and fails closed.

For every call the request is held to the manifest, the worker names kernels, what it names is held to the manifest too, and then, and only
then, the kernels run under the guard (`chain`). Nothing is released partially: fields are collected and leave together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from policies import Policy
from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, LimitError, PeerError
from sandbox.gate import kernels
from sandbox.gate.budget import Budget
from sandbox.gate.chain import Chain, Trace
from sandbox.gate.form import check_calls
from sandbox.gate.guard import Guard, Refusal
from sandbox.gate.kernels import Answer, Units
from sandbox.gate.pool import Pool
from sandbox.gate.release import Field, Origin, Part, Release, make_record, release
from sandbox.gate.row_steps import RowSteps
from sandbox.gate.rows import Rows
from sandbox.gate.stand_in import StandIn
from sandbox.manifest import RESERVED_STEP, ReplyField, Step
from sandbox.wire.codec import encode, encode_request
from sandbox.wire.messages import ChainCalls, Constants, KernelCall, RunRound, StepCall, StepDone
from sandbox.wire.values import Record


class Worker(Protocol):
    """What runs the steps of the pair."""

    def run(self, calls: Sequence[StepCall]) -> Iterator[StepDone]:
        """Run steps; see :class:`sandbox.gate.attached.AttachedWorker`."""


class Asked(Protocol):
    """A chain as rounds need it: of central's rows or of rows that are lent (`Chain`), or of own rows (`StaticChain`)."""

    row_steps: RowSteps | None

    @property
    def rows(self) -> Rows:
        """Its rows."""

    @property
    def units(self) -> Units | None:
        """Those that central fixed; None before."""

    @property
    def traces(self) -> Mapping[int, Trace]:
        """What its draws made, by target."""

    def begin(self, units: Units, constants: bytes) -> None:
        """Put the rows into central's units. Raises :class:`Refusal`."""

    def ask(self, call: KernelCall) -> Answer:
        """The answer of a kernel. Raises :class:`Refusal`."""

    def draw(self, call: KernelCall) -> None:
        """Fill missing cells, where draws fill any. Raises :class:`Refusal`."""


class Answering:
    """Answers the rounds of one job from its chains."""

    def __init__(self, chains: Sequence[Asked], contract: Contract, declared: Declarations, policy: Policy, guard: Guard) -> None:
        self.chains = tuple(chains)
        self.contract = contract
        self._declared = declared
        self._policy = policy
        self._guard = guard
        self._budgets = tuple(Budget() for _ in self.chains)
        self._stand_ins: dict[str, StandIn] = {}
        self._grams: dict[tuple[str, int], Record] = {}
        """Of stand-ins, by site and target: they never change, and every sweep asks for them."""

    @property
    def rows(self) -> Rows:
        """The rows that take part, as the first chain has completed them."""
        return self.chains[0].rows

    @property
    def units(self) -> Units | None:
        """The units that central fixed; None before."""
        return self.chains[0].units

    def begin(self, constants: Constants) -> None:
        """Fix the units, standardise the rows and fill missing cells with start values. Raises :class:`Refusal`."""
        try:
            units = Units.of(constants, self.contract)
        except ValueError as error:
            raise Refusal(Code.RULE_NOT_FINITE) from error
        if isinstance(self.chains[0], Chain):
            starts = (units.mean - units.centre) / units.scale
            furthest = float(np.abs(starts[~units.is_binary]).max(initial=0.0))
            self._guard.check_units(kernels.fits(self.rows, units), furthest)
        for chain in self.chains:
            chain.begin(units, encode(constants))

    def margins(self, origin: Origin, number: int) -> Release:
        """The built-in first round: no worker takes part in it. Its question has no arguments, so only the rows decide."""
        part = Part(0, [{"step": RESERVED_STEP}])
        self._guard.open_round()
        try:
            self._guard.check_budget()
            self._guard.check_rows(self.rows.n)
            part.fields = {RESERVED_STEP: self._field(kernels.margins(self.rows), 0, ReplyField(RESERVED_STEP), 0)}
        except Refusal as refusal:
            self._refuse(part, refusal)
        return self._release(origin, number, [part])

    def stand_in(self, stand_ins: Mapping[str, StandIn]) -> None:
        """Answer for sites from their cards from now on (central)."""
        self._stand_ins = dict(stand_ins)
        self._grams = {}

    def lend(self, pools: Sequence[Pool], *, is_reviewed: bool, tells_reasons: bool) -> None:
        """Have the steps run by code that sees the rows, which are those of one chain; see :class:`sandbox.gate.row_steps.RowSteps`."""
        (chain,) = self.chains
        if not isinstance(chain, Chain):
            raise PeerError(Code.GATE_PROTOCOL)
        chain.lend(pools, self._declared, self._policy, is_reviewed=is_reviewed, tells_reasons=tells_reasons)

    def round(self, origin: Origin, message: RunRound, worker: Worker | None) -> Release:
        """Run the calls of every chain of a round, in order. A chain that is refused costs the others nothing but the budget they share.

        `worker` is that of a blind pair. Raises `PeerError` or `LimitError` when one cannot go on, or when the message is for chains that
        are not the job's.
        """
        numbers = [part.chain for part in message.chains]
        if not numbers or numbers != sorted(set(numbers)) or not 0 <= numbers[0] <= numbers[-1] < len(self.chains):
            raise PeerError(Code.GATE_PROTOCOL)
        self._guard.open_round()
        sites = self._stand_ins if message.with_stand_ins else {}
        return self._release(origin, message.number, [self._part(asked, worker, sites) for asked in message.chains])

    # --- one chain's part

    def _part(self, asked: ChainCalls, worker: Worker | None, sites: Mapping[str, StandIn]) -> Part:
        part = Part(asked.chain)
        row_steps = self.chains[asked.chain].row_steps
        n_before = 0 if row_steps is None else row_steps.n_spent
        try:
            self._guard.check_budget()
            steps, refused = self._steps(asked.calls)
            answers = iter(()) if worker is None else worker.run(asked.calls[: len(steps)])
            for call, step in zip(asked.calls, steps, strict=False):
                part.steps.append(self._describe(call))
                part.fields, part.stand_ins = self._run(asked.chain, call, step, answers, sites)
            if refused is not None:
                part.steps.append(self._describe(asked.calls[len(steps)]))
                raise refused
            part.innovation = None if row_steps is None else row_steps.n_spent - n_before
        except Refusal as refusal:
            self._refuse(part, refusal)
        return part

    def _steps(self, calls: Sequence[StepCall]) -> tuple[list[Step], Refusal | None]:
        """The steps that are called, as declared, up to a call that is not to be run: what refuses that."""
        steps: list[Step] = []
        for number, call in enumerate(calls, 1):
            try:
                if not call.is_tell and number != len(calls):
                    raise PeerError(Code.RULE_UNDECLARED)
                step = self._declared.step(call.step)
                self._declared.check_request(call.step, call.request)
                if (call.is_tell and step.reply) or (step.at == "central" and not self._guard.is_central):
                    raise PeerError(Code.RULE_UNDECLARED)
            except PeerError as error:
                return steps, Refusal(error.code)
            steps.append(step)
        return steps, None

    def _run(
        self, chain: int, call: StepCall, step: Step, answers: Iterator[StepDone], sites: Mapping[str, StandIn]
    ) -> tuple[dict[str, Field], dict[str, dict[str, Record]]]:
        """The fields that are answered here, and those of each site that central's gate stands in for."""
        row_steps = self.chains[chain].row_steps
        if row_steps is not None:
            found = row_steps.run(call, step)
            target = next(iter(self._declared.targets(call)), 0)
            return {name: self._field(found[name], target, field, chain, f"{call.step}.{name}") for name, field in step.reply.items()}, {}
        done = next(answers, None)
        if done is None:
            raise PeerError(Code.GATE_PROTOCOL)
        if len(done.calls) > self._policy.max_messages_per_step:
            raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._policy.max_messages_per_step)
        check_calls(done, step, self.contract, self._declared)
        return self._compute(chain, done, step), {name: self._stated(name, site, done, step) for name, site in sites.items()}

    def _compute(self, chain: int, done: StepDone, step: Step) -> dict[str, Field]:
        names = {number: name for name, number in done.fields.items()}
        fields: dict[str, Field] = {}
        for number, call in enumerate(done.calls):
            if call.kernel == "draw":
                self.chains[chain].draw(call)
            else:
                name = names[number]
                fields[name] = self._field(self.chains[chain].ask(call), call.target, step.reply[name], chain)
        return {name: fields[name] for name in step.reply}

    def _stated(self, name: str, site: StandIn, done: StepDone, step: Step) -> dict[str, Record]:
        """The fields of a step as a site's card answers them. A draw fills nothing there: the site has filled its own cells."""
        fields: dict[str, Record] = {}
        for field, number in done.fields.items():
            call = done.calls[number]
            if call.kernel != "gram":
                fields[field] = make_record(site.ask(call), step.reply[field].parts, self._policy, self._declared.extents)
                continue
            if (name, call.target) not in self._grams:
                record = make_record(site.ask(call), step.reply[field].parts, self._policy, self._declared.extents)
                self._grams[name, call.target] = record
            fields[field] = self._grams[name, call.target]
        return fields

    def _field(self, answer: Answer, target: int, declared: ReplyField, chain: int, place: str = "") -> Field:
        record = make_record(answer, declared.parts, self._policy, self._declared.extents)
        return Field(answer.kind, record, self._budgets[chain].count_new(place or answer.kind, target, record))

    def _refuse(self, part: Part, refusal: Refusal) -> None:
        part.fields, part.stand_ins, part.refusal = {}, {}, refusal
        self._guard.count_refusal()

    def _release(self, origin: Origin, number: int, parts: list[Part]) -> Release:
        try:
            return release(origin, number, parts, self._guard.verdicts, self._policy.max_frame_bytes)
        except Refusal as refusal:
            for part in parts:
                if part.refusal is None:
                    self._refuse(part, refusal)
            return release(origin, number, parts, self._guard.verdicts, self._policy.max_frame_bytes)

    def _describe(self, call: StepCall) -> dict[str, Any]:
        """A step as the ledger shows it: its name, when the manifest has it, and the columns it was asked about."""
        try:
            step = self._declared.step(call.step)
        except PeerError:
            return {"step": "(undeclared)"}
        columns = [call.request.get(name) for name, field in step.request.items() if field.type == "column"]
        known = [index for index in columns if isinstance(index, int) and index in self.contract.targets]
        names = [{"index": index, "name": self.contract.column(index).name} for index in known]
        # Which β was asked is told by its hash: an auditor who is shown a question can tell whether it is this one.
        return {"step": call.step, "columns": names, "request_sha256": hashlib.sha256(encode_request(call.request)).hexdigest()}
