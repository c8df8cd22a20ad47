"""A site in memory with the book of its files' lives: it states a card where the real one would, and stops where that one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from sandbox.gate.admission import admit
from sandbox.gate.card import Wants, make_card
from sandbox.gate.sketch import make_sketch
from sandbox.gate.sticky import Errors
from sandbox.life import Asked, Decision, decide, has_room_for_points, life_entry, point_entry
from tests.disclosure.stated import File, Stated, read

Values = npt.NDArray[np.float64]
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
Choose = Callable[[Stated], Mapping[str, Values]]
"""From what a card states, where its reader asks for scores."""


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """What left in one job."""

    stated: Stated
    life: str
    names: Mapping[str, str]
    """What the life calls the columns."""


class Site:
    """One site: its secret, and what its ledger says of lives."""

    def __init__(self, secret: bytes, *, has_rules: bool = True) -> None:
        """Without rules it states what it is asked: an attack then says what they are for."""
        self._secret, self._has_rules = secret, has_rules
        self._lines: list[dict[str, Any]] = []

    def state(self, file: File, policy: Policy, choose: Choose | None = None, *, day: float = 0.0) -> Letter | None:
        """A job of all columns of a file, every binary target with its own fit, and what is asked at points; None where it is stopped."""
        fits = [file.place(name) + 1 for name in file.binary]
        dataset, contract = file.dataset()[0], file.contract
        if self._has_rules and any(finding.severity == "stop" for finding in admit(dataset, policy, fits=fits)):
            return None
        sketch, asked, now = make_sketch(dataset, self._secret), Asked.of(contract, fits), START + timedelta(days=day)
        decision = decide(self._lines, sketch, asked, policy, now)
        if decision.stop is not None and self._has_rules:
            return None
        errors = Errors(self._secret, decision.life.encode(), decision.error, decision.columns)
        has_room = has_room_for_points(decision, asked, policy)
        known = {target: np.array(beta) for target, beta in decision.points.items()}
        card = make_card(file.own_rows(self._secret), contract, errors, policy, Wants(tuple(fits), (), has_room, known))
        stated = read(card, file)
        if choose is not None and has_room:
            stated = read(card, file, points=choose(stated))
        if decision.stop is None:
            self._write(decision, sketch, asked, policy, now, stated)
        return Letter(stated, decision.life, dict(zip(file.names, decision.columns, strict=True)))

    def _write(self, decision: Decision, sketch: Any, asked: Asked, policy: Policy, now: datetime, stated: Stated) -> None:
        self._lines.append({**life_entry(decision, sketch, asked), "time": now.isoformat()})
        for fit in asked.fits:
            point = stated.points.get(asked.columns[fit.target])
            if point is not None:
                self._lines.append(point_entry(decision, sketch, asked, fit, point["beta"].tolist()))


def only(file: File, columns: Sequence[str]) -> File:
    """The columns that a job takes; none: all."""
    return file.only(columns) if columns else file
