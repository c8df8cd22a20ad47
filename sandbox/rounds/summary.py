"""What the engine knows of a run: counts, seconds, events and last fits. Goes into `run.json` and `--json`; holds aggregates only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError, describe
from sandbox.rounds.participant import CENTRAL, Participant
from sandbox.wire.messages import FitRecord, RoundReply
from sandbox.wire.values import ITEM_BYTES


@dataclass(frozen=True, slots=True)
class EngineProgress:
    """A step name and two integers: all that is shown of a running job."""

    step: str
    done: int
    total: int


@dataclass(slots=True)
class Traffic:
    """What one participant released."""

    messages: int = 0
    scalars: int = 0
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fit:
    """The last fit of a target in raw units."""

    target: str
    terms: list[str]
    beta: list[float]
    covariance: list[list[float]]
    n: int
    sigma2: float | None
    gamma: list[float] | None
    rho: float | None


class RunSummary:
    """Filled by the engine while it runs."""

    def __init__(self, participants: list[str]) -> None:
        self.imputations = 0
        self.rounds = 0
        self.round_trips = 0
        self.seconds: dict[str, float] = {}
        self.traffic = {name: Traffic() for name in participants}
        self.events: list[dict[str, str]] = []
        self.fits: dict[str, Fit] = {}

    def count_round(self, participants: Sequence[Participant], replies: Sequence[RoundReply]) -> None:
        """Count one round. A round trip is one that reached a site; a question to central alone is none."""
        self.rounds += 1
        self.round_trips += int(any(participant.name != CENTRAL for participant in participants))
        for participant, reply in zip(participants, replies, strict=True):
            traffic = self.traffic[participant.name]
            traffic.messages += 1
            for part in reply.chains:
                for record in part.fields.values():
                    traffic.scalars += sum([len(array.data) for array in record.values()]) // ITEM_BYTES
                if part.refused is not None:
                    traffic.refusals.append(part.refused)

    def add_event(self, code: Code, target: str, **details: str) -> None:
        """Keep an event, once per code, target and what else its sentence says."""
        event = {"code": code.value, "target": target, "sentence": describe(code, {"column": target, **details})}
        if event not in self.events:
            self.events.append(event)

    def add_fit(self, record: FitRecord, contract: Contract, declared: Declarations) -> None:
        """Keep the last fit of a target. Raises :class:`PeerError` when its shapes are not those of the target's design."""
        q = declared.extent("q")
        if record.target not in contract.targets or record.beta.shape != (q,) or record.covariance.shape != (q, q):
            raise PeerError(Code.RULE_UNDECLARED)
        if not (record.beta.is_finite and record.covariance.is_finite and math.isfinite(record.sigma2)):
            raise PeerError(Code.RULE_NOT_FINITE)
        if record.gamma is not None and (record.gamma.shape != (q,) or not record.gamma.is_finite):
            raise PeerError(Code.RULE_UNDECLARED)
        if record.rho is not None and not math.isfinite(record.rho):
            raise PeerError(Code.RULE_NOT_FINITE)
        column = contract.column(record.target)
        terms = [contract.column(index).name for index in contract.design(record.target)]
        terms += ["(central)", "(intercept)"][len(terms) + 2 - q :]
        self.fits[column.name] = Fit(
            column.name,
            terms,
            list(record.beta.numbers()),
            record.covariance.rows(),
            record.n,
            None if column.is_binary else record.sigma2,
            None if record.gamma is None else list(record.gamma.numbers()),
            record.rho,
        )

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return {
            "imputations": self.imputations,
            "rounds": self.rounds,
            "round_trips": self.round_trips,
            "seconds": {phase: round(seconds, 4) for phase, seconds in self.seconds.items()},
            "released": {name: {"messages": t.messages, "scalars": t.scalars} for name, t in self.traffic.items()},
            "refusals": [{"site": name, "rule": code} for name, t in self.traffic.items() for code in t.refusals],
            "events": self.events,
            "fits": {name: _describe(fit) for name, fit in self.fits.items()},
        }


def _describe(fit: Fit) -> dict[str, Any]:
    described = {"terms": fit.terms, "beta": fit.beta, "covariance": fit.covariance, "n": fit.n, "sigma2": fit.sigma2}
    if fit.gamma is not None:
        described["selection"] = {"gamma": fit.gamma, "rho": fit.rho}
    return described
