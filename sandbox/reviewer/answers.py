"""What answers a reviewer's questions about one upload: the site's gate, or the card that it stated. A file sees no difference.

A site that states a card is asked for it once, in :meth:`sandbox.reviewer.served.ServedSite.begin`. From then on its questions are
answered here, as central's gate answers them, but for the one score at a common point that a file may ask of the site itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from policies import Policy
from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError, Refused
from sandbox.gate.form import check_calls
from sandbox.gate.guard import Refusal
from sandbox.gate.release import make_record
from sandbox.gate.stand_in import StandIn, settle
from sandbox.gate.taken_card import arrays_of
from sandbox.manifest import POINT_STEP
from sandbox.reviewer.remote_module import RemoteModule
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.messages import ChainCalls, KernelCall, StepCall
from sandbox.wire.values import Record, floats

SITE: Final = "site"
"""The name of the one site, in its ledger and in errors."""
AT_COEFFICIENTS: Final = ("glm_score", "glm_gradient")
"""Kernels that ask for a score at a β that central chose."""


@dataclass(frozen=True, slots=True)
class JobSide:
    """What questions and answers of the open job are held to."""

    contract: Contract
    declared: Declarations
    policy: Policy


class Answers(Protocol):
    """Answers questions after the units are fixed."""

    n_reached: int
    """Questions and tells that reached the site."""

    @property
    def stated(self) -> Mapping[str, Record]:
        """The fields that the site stated of its file by itself, by name; empty where it states nothing."""

    async def ask(self, call: StepCall) -> dict[str, Record]:
        """The fields of a step's reply, none for a tell. Raises :class:`~sandbox.errors.Refused`."""

    async def close(self) -> None:
        """End what this holds besides the site."""


class Rounds:
    """Rounds of one call at a site's gate, numbered. Every tell is a round of its own, too: what is refused is known at once."""

    def __init__(self, participant: LocalParticipant) -> None:
        self._participant = participant
        self._number = -1

    async def run(self, call: StepCall) -> dict[str, Record]:
        """The fields of the reply. Raises :class:`~sandbox.errors.Refused`."""
        self._number += 1
        (part,) = (await self._participant.run_round(self._number, (ChainCalls(0, (call,)),))).chains
        if part.refused is not None:
            raise Refused(SITE, part.refused)
        return part.fields


class GateAnswers:
    """The gate answers every question from its rows: where a policy lets it, or code sees rows."""

    def __init__(self, rounds: Rounds, stated: Mapping[str, Record]) -> None:
        self.n_reached = 0
        self._rounds = rounds
        self._stated = stated

    @property
    def stated(self) -> Mapping[str, Record]:
        """See :class:`Answers`."""
        return self._stated

    async def ask(self, call: StepCall) -> dict[str, Record]:
        """One round; see :class:`Answers`."""
        self.n_reached += 1
        return await self._rounds.run(call)

    async def close(self) -> None:
        """Nothing is held."""


class CardAnswers:
    """The card answers. The first question at coefficients about a target with a fit of its own asks the site for the score there."""

    def __init__(self, rounds: Rounds, remote: RemoteModule, stand_in: StandIn, stated: Mapping[str, Record], job: JobSide) -> None:
        """`stated` are the fields of the card, of which `stand_in` is made."""
        self.n_reached = 0
        self._job = job
        self._rounds = rounds
        self._remote = remote
        self._stand_in = stand_in
        self._stated = dict(stated)
        self._declared = job.declared
        self._may_ask_point = stand_in.answers_points

    @property
    def stated(self) -> Mapping[str, Record]:
        """The card, and the score at a common point once it was asked."""
        return self._stated

    async def ask(self, call: StepCall) -> dict[str, Record]:
        """As central's gate answers for a site; see :class:`Answers`."""
        try:
            return await self._answer(call)
        except Refusal as refusal:
            raise Refused(SITE, refusal.outward) from refusal
        except ValueError as error:  # of linear algebra that coefficients of the file's choice make impossible
            raise Refused(SITE, Code.RULE_NOT_FINITE) from error

    async def _answer(self, call: StepCall) -> dict[str, Record]:
        try:
            step = self._declared.step(call.step)
            self._declared.check_request(call.step, call.request)
        except PeerError as error:
            raise Refusal(error.code) from error
        if (call.is_tell and step.reply) or step.at == "central":
            raise Refusal(Code.RULE_UNDECLARED)
        done = await self._remote.name(call)
        check_calls(done, step, self._job.contract, self._declared)
        records = {}
        for name, number in done.fields.items():
            await self._ask_point(done.calls[number])
            answer = self._stand_in.ask(done.calls[number])
            records[name] = make_record(answer, step.reply[name].parts, self._job.policy, self._declared.extents)
        return records

    async def _ask_point(self, kernel: KernelCall) -> None:
        """Ask the site for its score at the coefficients of a question, unless it was asked: a site takes one such question a job."""
        asks = kernel.kernel in AT_COEFFICIENTS and kernel.family == "binomial" and kernel.beta is not None
        if not (asks and self._may_ask_point and self._stand_in.has_fit(kernel.target)) or kernel.beta is None:
            return
        self._may_ask_point = False
        at = self._stand_in.in_units_of_fit(kernel.target, np.frombuffer(kernel.beta.data))
        self.n_reached += 1
        found = await self._rounds.run(StepCall(POINT_STEP, {f"beta.{kernel.target}": floats(at.tolist())}))
        self._stated |= found
        for parts in arrays_of(found).values():
            self._stand_in.take_point(kernel.target, parts)
        settle([self._stand_in], kernel.target)

    async def close(self) -> None:
        """End the worker."""
        await self._remote.close()
