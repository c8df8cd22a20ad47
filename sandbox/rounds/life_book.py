"""The life of a site's file, as its host keeps it: nothing but lines of the ledger, read before a card is made and written when it leaves.

What is decided is decided in `sandbox.life`. It is decided twice: at the upload, where the owner reads it, and when the card leaves, for
another job may have told something of the same file meanwhile. The second time nobody else decides by the same ledger until the line is
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from sandbox.contract import Contract
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.ledger import Ledger, entries_of_kinds
from sandbox.life import KINDS, Asked, Decision, Fit, decide, has_room_for_points, life_entry, n_numbers, point_entry
from sandbox.manifest import parse_manifest
from sandbox.wanted import answers_exactly, wanted
from sandbox.wire.codec import Decoder
from sandbox.wire.messages import GateSetup, LifeNote, MakeCard, UploadReport
from sandbox.wire.sketches import FileSketch
from sandbox.wire.values import Record, floats

file_sketch: Final[Decoder[FileSketch]] = Decoder(FileSketch)


class LifeBook:
    """What one job of a blind pair may state of the life of one upload. Its methods block."""

    def __init__(self, ledger: Ledger, setup: GateSetup, report: UploadReport, contract: Contract) -> None:
        """Take up an upload that is clean. Raises :class:`PeerError` when its sketch is none."""
        self._ledger = ledger
        self._setup = setup
        self._sketch = file_sketch.decode(report.sketch)
        found = wanted(parse_manifest(setup.manifest), contract, setup.spec, setup.policy)
        fits = tuple(Fit(target, contract.design(target)) for target in found.fits)
        if found.selection is not None:
            fits += (Fit(found.selection.target, contract.design(found.selection.target), "selection"),)
        names = {index: contract.column(index).name for index in contract.model}
        self._asked = Asked(names, fits, found.grams)
        self._dataset = str(msgspec.json.decode(report.entry).get("dataset", ""))
        self._decision: Decision | None = None

    def decide(self) -> Decision:
        """The life that the file belongs to as the ledger has it now, and whether its card may be made."""
        policy = self._setup.policy
        self._decision = decide(self._lines(), self._sketch, self._asked, policy, datetime.now(UTC), dataset=self._dataset)
        return self._decision

    def order(self, decision: Decision) -> MakeCard:
        """What the gate is to make of a decision without a stop."""
        points = {target: floats(beta) for target, beta in decision.points.items()}
        return MakeCard(decision.life, decision.columns, decision.error, self._has_room_for_points(decision), points)

    def note(self, decision: Decision) -> LifeNote:
        """How the file stands in its life, as its owner reads it before Start."""
        usage, policy = decision.usage, self._setup.policy
        n_points = None if answers_exactly(policy) else self._n_of_points() if self._has_room_for_points(decision) else 0
        return LifeNote(
            version=decision.version,
            n_numbers=usage.numbers,
            n_left=max(usage.max_numbers - usage.numbers, 0),
            n_points=n_points,
            ends=f"{datetime.now(UTC) + timedelta(days=policy.life_days):%Y-%m-%d}",
            column=self._asked.columns.get(usage.column, ""),
        )

    def _n_of_points(self) -> int:
        return sum(n_numbers(fit) for fit in self._asked.fits if fit.kind == "own")

    def _has_room_for_points(self, decision: Decision) -> bool:
        return has_room_for_points(decision, self._asked, self._setup.policy)

    def card_leaves(self) -> None:
        """Write that the card leaves, of which the margins are the first part. Raises :class:`TidegateError` when it may not any more."""
        before = self._decision
        with self._ledger.deciding:
            decision = self.decide()
            if decision.stop is not None:
                raise TidegateError(decision.stop.code, **decision.stop.details)
            if before is None or (decision.life, decision.columns) != (before.life, before.columns):
                # Another version was stated meanwhile: the errors of this card are those of another life.
                raise TidegateError(Code.SITE_NOT_READY, site=self._setup.participant)
            self._write(life_entry(decision, self._sketch, self._asked, **self._origin()))

    def points_leave(self, fields: Mapping[str, Record]) -> None:
        """Write at which coefficients scores leave: `fields` are those of the answer.

        Raises :class:`TidegateError` when another job has had an answer at another point meanwhile: a life answers one of a fit.
        """
        if self._decision is None:
            raise PeerError(Code.GATE_PROTOCOL)
        fits = {f"point.{fit.target}": fit for fit in self._asked.fits if fit.kind == "own"}
        betas = {name: tuple(record["beta"].numbers()) for name, record in fields.items()}
        with self._ledger.deciding:
            decision = self.decide()
            if any(decision.points.get(fits[name].target, beta) != beta for name, beta in betas.items()):
                raise TidegateError(Code.SITE_NOT_READY, site=self._setup.participant)
            for name, beta in betas.items():
                self._write(point_entry(decision, self._sketch, self._asked, fits[name], beta, **self._origin()))

    def _write(self, entry: dict[str, Any]) -> None:
        self._ledger.append(msgspec.json.encode(entry))

    def _origin(self) -> dict[str, str]:
        return {"job": self._setup.job_id, "participant": self._setup.participant, "dataset": self._dataset}

    def _lines(self) -> Iterator[dict[str, Any]]:
        # Sites of a simulation share a ledger and a secret, and nothing else.
        name = self._setup.participant
        lines = entries_of_kinds(self._ledger.path, KINDS)
        return (line for line in lines if line.get("participant") == name) if self._setup.has_common_secret else lines
