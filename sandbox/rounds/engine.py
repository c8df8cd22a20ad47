"""The round engine: runs one job over its participants. Used by `simulate` and by central's server alike.

1. Round 0 asks every participant for `margins`; their sum fixes the constants of the job. Of a blind pair the sites then state their
   cards, and where one is due the score at a common point. Central's gate takes them and answers for these sites from then on: nothing
   more is asked of them. A site whose policy states exact answers is asked as before.
2. A central worker runs `impute(job, sites)`, one for every chain of the job. Whatever it asks is checked against the manifest before it
   goes to anyone (`chain`), and whatever a participant answers before it goes to the worker: both are hostile here.
3. Tells wait in order, one queue per chain and participant, and travel in the frame of the next question. When every chain that still runs
   has asked, one message to each participant takes all their questions. Replies go back together, after all participants have answered,
   central first, then in site_id order. The engine never adds them up.

Cancel the task to cancel the job; wiping is the caller's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, InputError, LimitError, PeerError, Refused, TidegateError
from sandbox.job import JobSpec
from sandbox.manifest import CARD, CARD_STEP, POINT_STEP, RESERVED_STEP, Pair
from sandbox.rounds.chain import Chain, ChainFailed, Note
from sandbox.rounds.constants import constants_from
from sandbox.rounds.local import LocalParticipant, compile_in
from sandbox.rounds.participant import CENTRAL, Participant
from sandbox.rounds.summary import EngineProgress, RunSummary
from sandbox.supervisor import Supervisor
from sandbox.wanted import wanted_of
from sandbox.wire.messages import (
    Ask,
    ChainCalls,
    Constants,
    Failed,
    FitRecord,
    Impute,
    KeepNow,
    LogEvent,
    Program,
    Progress,
    Replies,
    RoundReply,
    StepCall,
)
from sandbox.wire.values import Record, Value

T = TypeVar("T")


class SiteError(PeerError):
    """A participant cannot go on, and `site` names it: whatever it raised itself did not."""

    def __init__(self, site: str, error: TidegateError) -> None:
        super().__init__(error.code, **{**error.details, "site": site})


class Engine:
    """One run of one job. `sites` are the participants besides central, in site_id order."""

    def __init__(
        self,
        supervisor: Supervisor,
        pair: Pair,
        spec: JobSpec,
        contract: Contract,
        central: LocalParticipant,
        sites: Sequence[Participant],
        observe: Callable[[EngineProgress], None] = lambda _: None,
        on_stated: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Prepare a run. `on_stated` is told the sites that are not needed any more: their cards are in."""
        self._supervisor = supervisor
        self._pair = pair
        self._spec = spec
        self._contract = contract
        self._central = central
        self._sites = sorted(sites, key=lambda site: site.name)
        self._participants: list[Participant] = [central, *self._sites]
        """Who is asked."""
        self._stated: list[str] = []
        """Sites for which central's gate answers from their cards."""
        self._observe = observe
        self._on_stated = on_stated
        self._policy = central.policy
        self._declared = Declarations(pair.manifest, contract, spec.has_central_intercept)
        self._chains: list[Chain] = []
        self._n_rounds = 0
        self._seconds: dict[str, float] = {}
        """How long each participant took for its last answer."""
        self._progress = EngineProgress(RESERVED_STEP, 0, 0)
        self._names = tuple(participant.name for participant in self._participants)
        self.summary = RunSummary(list(self._names))

    async def run(self) -> RunSummary:
        """Run the job to its end.

        Raises:
            Refused: a site refused a question and the pair did not catch it.
            SiteError: a participant cannot go on; it is named.
            TidegateError: the pair failed, a fit could not be made, or a limit was reached.
        """
        if len(self._participants) == 1 and self._spec.has_central_intercept:
            # Without sites the column is 1 everywhere: a second intercept.
            raise InputError(Code.JOB_PARAMETERS, parameter="central_intercept", reason="needs at least one site")
        try:
            async with asyncio.timeout(self._policy.job_seconds):
                constants = await self._first_round()
                await self._impute(constants)
        except TimeoutError:
            raise LimitError(Code.LIMIT_TIME, what="the job", limit=self._policy.job_seconds) from None
        return self.summary

    async def _first_round(self) -> Constants:
        start = time.perf_counter()
        self._observe(self._progress)
        asked = ChainCalls(0, (StepCall(RESERVED_STEP),))
        replies = await self._ask(self._participants, lambda _: (asked,), self._check_margins)
        self.summary.count_round(self._participants, replies)
        (margins,) = _by_chain(self._participants, replies)
        if margins.refused is not None:
            raise Refused(margins.refused_by, margins.refused)
        constants = constants_from([fields[RESERVED_STEP] for fields in margins.replies], self._contract)
        self.summary.seconds["margins"] = time.perf_counter() - start
        if self._sites and not self._asks_sites:
            # What sites have to tell is in the margins.
            self._participants = [self._central]
            self._on_stated([site.name for site in self._sites])
        cards = await self._ask_cards(constants) if len(self._participants) > 1 and self._pair.manifest.access == "blind" else {}
        await self._gather(self._participants, lambda participant: participant.begin(constants))
        if cards:
            await self._take(cards)
        return constants

    # --- cards

    @property
    def _asks_sites(self) -> bool:
        """Whether any step of the pair is for sites, to answer or to fill cells."""
        return any(step.at == "everywhere" for step in self._pair.manifest.steps.values())

    async def _ask_cards(self, constants: Constants) -> dict[str, dict[str, Record]]:
        """The cards of all sites, where some take part by them alone from now on; else none."""
        start = time.perf_counter()
        request: dict[str, Value] = {"centre": constants.centre, "scale": constants.scale}
        fields = await self._ask_once(self._sites, {site.name: StepCall(CARD_STEP, request) for site in self._sites})
        self._stated = [name for name, found in fields.items() if not found[CARD]["is_exact"].scalar()]
        self._participants = [self._central, *(site for site in self._sites if site.name not in self._stated)]
        for name in self._stated:
            self._note_unmeasured(name, fields[name][CARD])
        self.summary.seconds["cards"] = time.perf_counter() - start
        return fields if self._stated else {}

    def _note_unmeasured(self, site: str, card: Record) -> None:
        """What a site never measured, and what it therefore takes no part in, is in the report of the run."""
        contract = self._contract
        unmeasured = [index for index, n in zip(contract.model, card["n_observed"].numbers(), strict=True) if not n]
        names = list(dict.fromkeys(contract.column(contract.read_from(index)).name for index in unmeasured))
        for name in names:
            self.summary.add_event(Code.EVENT_COMPLETED, name, site=site)
        kinds = {field.kind for step in self._pair.manifest.steps.values() for field in step.reply.values()}
        for index in contract.targets if unmeasured else ():
            column = contract.column(index)
            if index not in unmeasured and (column.is_binary or "selection_score" in kinds):
                self.summary.add_event(Code.EVENT_NO_PART, column.name, site=site, lacking=", ".join(names))

    async def _take(self, cards: dict[str, dict[str, Record]]) -> None:
        """Give the cards to central's gate; ask the common points that it finds to be due, and give it those."""
        start = time.perf_counter()
        due = await self._in(self._central, self._central.take_cards(cards))
        if due:
            asked = {
                name: StepCall(POINT_STEP, {f"beta.{target}": beta for target, beta in points.items()}) for name, points in due.items()
            }
            points = await self._ask_once([site for site in self._sites if site.name in due], asked)
            await self._in(self._central, self._central.take_cards(points))
        self._on_stated(self._stated)
        self.summary.seconds["points"] = time.perf_counter() - start

    async def _ask_once(self, sites: Sequence[Participant], asked: dict[str, StepCall]) -> dict[str, dict[str, Record]]:
        """One built-in question to some sites; the fields of each. Raises :class:`Refused` when one refuses it."""
        replies = await self._ask(sites, lambda name: (ChainCalls(0, (asked[name],)),), self._check_card)
        self.summary.count_round(sites, replies)
        (answers,) = _by_chain(sites, replies)
        if answers.refused is not None:
            raise Refused(answers.refused_by, answers.refused)
        return {site.name: fields for site, fields in zip(sites, answers.replies, strict=True)}

    def _check_card(self, asked: StepCall, fields: dict[str, Record]) -> None:
        is_point = asked.step == POINT_STEP
        self._declared.check_card(fields, is_point=is_point)
        expected = {name.replace("beta.", "point.", 1) for name in asked.request} if is_point else self._fields_of(fields[CARD])
        if fields.keys() != expected:
            raise PeerError(Code.RULE_UNDECLARED)

    def _fields_of(self, card: Record) -> frozenset[str]:
        """The fields that a site states of this job: the exact answers that it goes on to give, or its own fits."""
        if not all(card["n_observed"].numbers()):
            # It lacks a column of every fit.
            return frozenset([CARD])
        return wanted_of(self._pair.manifest, self._contract, self._spec, is_exact=bool(card["is_exact"].scalar())).fields

    async def _in(self, participant: Participant, call: Coroutine[Any, Any, T]) -> T:
        """Await what a participant does, naming it when it cannot."""
        try:
            return await call
        except TidegateError as error:
            raise error if error.site is not None else SiteError(participant.name, error) from error

    def _check_margins(self, asked: StepCall, fields: dict[str, Record]) -> None:
        if fields.keys() != {asked.step}:
            raise PeerError(Code.RULE_UNDECLARED)
        self._declared.check_margins(fields[asked.step])

    def _check_reply(self, asked: StepCall, fields: dict[str, Record]) -> None:
        if asked.is_tell:
            # Nothing was asked: only what was told is answered, with nothing.
            if fields:
                raise PeerError(Code.RULE_UNDECLARED)
        else:
            self._declared.check_reply(asked.step, fields)

    # --- chains

    async def _impute(self, constants: Constants) -> None:
        start = time.perf_counter()
        try:
            await _all(self._start_chain(number, constants) for number in range(self._spec.chains))
            self._chains.sort(key=lambda chain: chain.number)
            self.summary.seconds["worker"] = time.perf_counter() - start
            start = time.perf_counter()
            await self._run_chains()
            self.summary.seconds["rounds"] = time.perf_counter() - start
        except ChainFailed as error:
            raise self._failure(error.chain, error.failed) from None
        finally:
            await asyncio.gather(*(chain.worker.kill() for chain in self._chains))
        if self.summary.imputations != self._spec.imputations:
            raise self._pair_error(f"kept {self.summary.imputations} of {self._spec.imputations} imputations")

    async def _start_chain(self, number: int, constants: Constants) -> None:
        worker = await self._supervisor.spawn_worker(self._policy)
        names = [participant.name for participant in self._participants]
        self._chains.append(Chain(number, worker, self._declared, self._policy, names, self._note))
        program = Program("central", self._pair.central_source, self._pair.manifest_bytes, self._policy.max_source_bytes)
        compiled = await compile_in(worker, program, self._policy.step_seconds)
        if compiled.findings:
            first = compiled.findings[0]
            raise self._pair_error(first.message, first.line)
        await worker.channel.send(
            Impute(self._spec, self._contract, constants, self._names, self._contract.digest, self._pair.digest, number)
        )

    async def _run_chains(self) -> None:
        """Let all chains go on until each waits or is finished, answer, and again.

        What needs central only is answered first: then everybody who is left asks the sites, and one message takes all the questions. So
        the sites are asked no more often than by the chain that asks most.
        """
        while running := [chain for chain in self._chains if not chain.is_finished]:
            await _all(chain.advance() for chain in running)
            waiting = [chain for chain in running if chain.waits_for is not None]
            here = [chain for chain in waiting if not chain.asks_sites]
            if here:
                await self._keep([chain for chain in here if isinstance(chain.waits_for, KeepNow)])
                await self._round([self._central], [chain for chain in here if isinstance(chain.waits_for, Ask)])
            else:
                await self._round(self._participants, waiting)

    async def _round(self, participants: Sequence[Participant], chains: Sequence[Chain]) -> None:
        """Take what chains told and ask to the participants, in one message to each, and the answers back."""
        if not chains:
            return
        with_stand_ins = bool(self._stated) and participants is self._participants
        calls = {participant.name: tuple(chain.calls(participant.name) for chain in chains) for participant in participants}
        replies = await self._ask(participants, calls.__getitem__, self._check_reply, with_stand_ins=with_stand_ins)
        stated = self._stated if with_stand_ins else []
        try:
            await _all(chain.answer(answer) for chain, answer in zip(chains, _by_chain(participants, replies, stated), strict=True))
        finally:
            # Nobody waits for this: it comes when the answers are on their way.
            self.summary.count_round(participants, replies)

    async def _keep(self, chains: Sequence[Chain]) -> None:
        """Take what chains told to central, then keep the cells that each has completed."""
        refused: dict[int, Code] = {}
        told = tuple(asked for chain in chains if (asked := chain.calls(CENTRAL)).calls)
        if told:
            reply = await self._central.run_round(self._next_number(), told)
            self._check(told, reply, self._check_reply)
            refused = {part.chain: part.refused for part in reply.chains if part.refused is not None}
        for chain in chains:
            if chain.number in refused:
                await chain.answer(Replies(refused_by=CENTRAL, refused=refused[chain.number]))
                continue
            if chain.n_kept == self._spec.imputations_of(chain.number):
                raise self._pair_error(f"keeps more than {chain.n_kept} imputations in one chain")
            await self._central.keep_imputation(chain.number)
            chain.n_kept += 1
            self.summary.imputations += 1
            await chain.answer(Replies())

    def _note(self, chain: Chain, note: Note) -> None:
        match note:
            case Progress():
                # The job is as far as the chain that is behind.
                behind = min(self._chains, key=lambda chain: chain.progress.done / max(chain.progress.total, 1))
                self._report(self._progress.step, behind.progress)
            case LogEvent(code, target):
                self.summary.add_event(code, self._name_of(target))
            case FitRecord() if chain.number == 0:
                # Chains differ by their draws only: the report shows the fits of the first.
                self.summary.add_fit(note, self._contract, self._declared)

    def _failure(self, chain: Chain, failed: Failed) -> TidegateError:
        """Why the pair gave up: the refusal it did not catch, or its own error with the column it was about."""
        if chain.refusal is not None and chain.refusal.code is failed.code:
            return chain.refusal
        predictor = self._contract.column(failed.column).name if failed.column in self._contract.model else ""
        return InputError(failed.code, column=self._name_of(failed.target), line=failed.line, predictor=predictor)

    def _pair_error(self, reason: str, line: int = 0) -> InputError:
        module = f"{self._pair.manifest.name}Central.py" + (f", line {line}" if line else "")
        return InputError(Code.PAIR_SOURCE, module=module, reason=reason)

    # --- messages

    async def _ask(
        self,
        participants: Sequence[Participant],
        asked_of: Callable[[str], tuple[ChainCalls, ...]],
        check: Callable[[StepCall, dict[str, Record]], None],
        *,
        with_stand_ins: bool = False,
    ) -> list[RoundReply]:
        """One message to every participant; the replies, all checked, in order."""
        number = self._next_number()
        asked = {participant.name: asked_of(participant.name) for participant in participants}
        self._report(asked[participants[0].name][0].calls[-1].step, self._progress)

        async def ask(participant: Participant) -> RoundReply:
            start = time.perf_counter()
            if with_stand_ins and participant is self._central:
                reply = await self._central.run_round(number, asked[CENTRAL], with_stand_ins=True)
            else:
                reply = await participant.run_round(number, asked[participant.name])
            self._seconds[participant.name] = time.perf_counter() - start
            if reply.number != number:
                raise PeerError(Code.WIRE_SEQUENCE)
            self._check(asked[participant.name], reply, check)
            return reply

        return await self._gather(participants, ask)

    def _check(self, asked: Sequence[ChainCalls], reply: RoundReply, check: Callable[[StepCall, dict[str, Record]], None]) -> None:
        """Raise `PeerError` unless every chain that asked was answered, and with what it asked for."""
        if [part.chain for part in reply.chains] != [part.chain for part in asked]:
            raise PeerError(Code.WIRE_SEQUENCE)
        for calls, part in zip(asked, reply.chains, strict=True):
            if part.refused is None:
                for fields in (part.fields, *part.stand_ins.values()):
                    check(calls.calls[-1], fields)

    def _next_number(self) -> int:
        self._n_rounds += 1
        if self._n_rounds > self._policy.max_messages:
            raise LimitError(Code.LIMIT_MESSAGES, limit=self._policy.max_messages)
        return self._n_rounds - 1

    async def _gather(self, participants: Sequence[Participant], call: Callable[[Participant], Coroutine[Any, Any, T]]) -> list[T]:
        """Call every participant at once; after all have answered, raise for the first that failed, naming it.

        Who took longest the last time is called first: a round takes as long as the last to answer.
        """
        called = {p.name: asyncio.ensure_future(call(p)) for p in sorted(participants, key=self._seconds_of, reverse=True)}
        outcomes = await asyncio.gather(*(called[participant.name] for participant in participants), return_exceptions=True)
        results: list[T] = []
        for participant, outcome in zip(participants, outcomes, strict=True):
            if isinstance(outcome, TidegateError):
                if outcome.site is not None:
                    raise outcome
                raise SiteError(participant.name, outcome) from outcome
            if isinstance(outcome, BaseException):
                raise outcome
            results.append(outcome)
        return results

    def _seconds_of(self, participant: Participant) -> float:
        return self._seconds.get(participant.name, 0.0)

    def _report(self, step: str, progress: Progress | EngineProgress) -> None:
        self._progress = EngineProgress(step, progress.done, progress.total)
        self._observe(self._progress)

    def _name_of(self, target: int) -> str:
        return self._contract.column(target).name if target in self._contract.targets else ""


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run everything side by side to its end; then raise the first error, in order."""
    everything = list(work)
    if len(everything) == 1:
        await everything[0]
        return
    for outcome in await asyncio.gather(*everything, return_exceptions=True):
        if outcome is not None:
            raise outcome


def _by_chain(participants: Sequence[Participant], replies: Sequence[RoundReply], stated: Sequence[str] = ()) -> list[Replies]:
    """What each chain is told: the answers of all participants to it, central first and then in site_id order, or the first refusal.

    Raises :class:`Refused` when the budget of a site is spent: it answers nothing any more, so no pair is asked what to make of it.
    """
    answers = []
    for parts in zip(*(reply.chains for reply in replies), strict=True):
        # Whose card cannot answer, only central's gate says.
        refusals = [
            (part.refused_by if part is parts[0] and part.refused_by in stated else site.name, part.refused)
            for site, part in zip(participants, parts, strict=True)
            if part.refused is not None
        ]
        for name, code in refusals:
            if code is Code.RULE_REFUSAL_BUDGET:
                raise Refused(name, code)
        name, code = refusals[0] if refusals else ("", None)
        if code:
            answers.append(Replies(refused_by=name, refused=code))
            continue
        fields = {site.name: part.fields for site, part in zip(participants, parts, strict=True)}
        # Only central's gate stands in, and for whom it was given a card.
        if parts[0].stand_ins.keys() != set(stated) or any(part.stand_ins for part in parts[1:]):
            raise PeerError(Code.WIRE_SEQUENCE)
        fields |= parts[0].stand_ins
        first = participants[0].name
        answers.append(Replies((fields.pop(first), *(fields[site] for site in sorted(fields)))))
    return answers
