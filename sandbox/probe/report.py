"""The isolation report as data: what was tried, what came of it, and whether it proves anything. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from sandbox.wire.messages import Isolation

Verdict: TypeAlias = Literal["blocked", "allowed", "unclear"]

DONE: Final = "done"
BLOCKS: Final = frozenset(
    {
        *("EPERM", "EACCES", "EBADF", "ENOSYS", "ENOMEM"),
        *("MemoryError", "RuntimeError", "not there", "no name service"),
        *("signal SIGSYS", "signal SIGXCPU"),
    }
)
"""Outcomes that mean that a layer stood in the way. Anything else than these and `done` is unclear, and counts against the report."""


@dataclass(frozen=True, slots=True)
class Row:
    """One deed: its outcome in a plain child, and in each role that it was tried in."""

    name: str
    group: str
    title: str
    is_required: bool
    plain: str
    locked: dict[str, str]

    @property
    def has_control(self) -> bool:
        """Whether a plain child can do it here: else being blocked proves nothing."""
        return self.plain == DONE

    def verdict(self, role: str) -> Verdict:
        """What the outcome in `role` means."""
        outcome = self.locked[role]
        if outcome == DONE:
            return "allowed"
        return "blocked" if outcome in BLOCKS else "unclear"

    @property
    def is_blocked(self) -> bool:
        """Whether it was blocked in every role."""
        return all(self.verdict(role) == "blocked" for role in self.locked)


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one machine. `made_at` is an ISO time in UTC."""

    made_at: str
    system: str
    isolation: Isolation
    rows: tuple[Row, ...] = field(default=())

    @property
    def breaches(self) -> tuple[Row, ...]:
        """Deeds that were not blocked everywhere."""
        return tuple(row for row in self.rows if not row.is_blocked)

    @property
    def missing_controls(self) -> tuple[Row, ...]:
        """Deeds of the minimum list that not even a plain child could do."""
        return tuple(row for row in self.rows if row.is_required and not row.has_control)

    @property
    def holds(self) -> bool:
        """Whether the report proves that the wall stands on this machine."""
        return bool(self.rows) and not self.breaches and not self.missing_controls

    @property
    def n_blocked(self) -> int:
        """Deeds that were blocked everywhere and have a control."""
        return sum(row.is_blocked and row.has_control for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values, with its digest."""
        table = [
            {
                "name": row.name,
                "group": row.group,
                "title": row.title,
                "required": row.is_required,
                "plain": row.plain,
                "control": "allowed" if row.has_control else "no control here",
                **{role: {"outcome": outcome, "verdict": row.verdict(role)} for role, outcome in row.locked.items()},
            }
            for row in self.rows
        ]
        content: dict[str, Any] = {**self.summary(), "rows": table}
        return {**content, "digest": _digest(content)}

    def summary(self) -> dict[str, Any]:
        """The report without its rows."""
        return {
            "holds": self.holds,
            "made_at": self.made_at,
            "system": self.system,
            "tier": self.isolation.tier,
            "landlock_abi": self.isolation.landlock_abi,
            "namespaces": self.isolation.namespaces,
            "uid": self.isolation.uid,
            "memory_locked": self.isolation.memory_locked,
            "deeds": len(self.rows),
            "blocked": self.n_blocked,
            "not_blocked": [row.name for row in self.breaches],
            "without_control": [row.name for row in self.rows if not row.has_control],
            "missing_controls": [row.name for row in self.missing_controls],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the whole report."""
        return str(self.as_dict()["digest"])

    def as_text(self) -> str:
        """The report for a terminal."""
        width = max((len(row.title) for row in self.rows), default=0)
        lines = [f"{'':{width}}    {'plain child':<30}{'worker':<26}gate"]
        group = ""
        for row in self.rows:
            if row.group != group:
                group = row.group
                lines.append(f"\n{group}")
            cells = [_cell(row, role) for role in ("worker", "gate")]
            plain = "allowed" if row.has_control else f"no control here: {row.plain}"
            lines.append(f"  {row.title:{width}}  {plain:<30}{cells[0]:<26}{cells[1]}".rstrip())
        return "\n".join([*lines, "", *self._conclusion()])

    def _conclusion(self) -> Iterable[str]:
        found = self.isolation
        yield f"{found.tier}, Landlock ABI {found.landlock_abi}, user {found.uid}, {self.system}"
        yield f"{self.n_blocked} of {len(self.rows)} deeds are open to a plain child and blocked here; digest {self.digest[:16]}"
        for row in self.breaches:
            yield f"NOT BLOCKED: {row.title} ({', '.join(f'{role}: {outcome}' for role, outcome in row.locked.items())})"
        for row in self.missing_controls:
            yield f"NO CONTROL, which this report needs: {row.title} ({row.plain})"
        yield "The wall holds." if self.holds else "The wall is NOT proved: nothing may run on real data here."


def _cell(row: Row, role: str) -> str:
    if role not in row.locked:
        return "–"
    verdict = row.verdict(role)
    return f"{verdict} ({row.locked[role]})" if verdict == "blocked" else f"{verdict.upper()} ({row.locked[role]})"


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
