"""Another process's memory, read as root through /proc: where a canary is. For tests that rows are gone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s*(.*)")
_PIECE = 1 << 24


@dataclass(frozen=True)
class Area:
    """One map of a process."""

    start: int
    end: int
    mode: str
    name: str

    @property
    def is_rows(self) -> bool:
        return self.name.startswith("/memfd:rows")


def areas(pid: int) -> list[Area]:
    """The readable maps of a process."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            match = _LINE.match(line)
            if match and match[3].startswith("r") and not match[4].startswith("[v"):
                found.append(Area(int(match[1], 16), int(match[2], 16), match[3], match[4]))
    return found


def where(pid: int, canary: bytes) -> set[str]:
    """The names of the maps that hold the canary: `rows`, or `private` for anything else."""
    found = set()
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for area in areas(pid):
            if _holds(memory, area, canary):
                found.add("rows" if area.is_rows else "private")
    finally:
        os.close(memory)
    return found


def open_rows(pid: int) -> int:
    """A descriptor of a gate's rows that keeps them alive when the gate is gone."""
    # There are two maps of it where only the first pages could be locked.
    area = next(area for area in areas(pid) if area.is_rows)
    return os.open(f"/proc/{pid}/map_files/{area.start:x}-{area.end:x}", os.O_RDONLY)


def _holds(memory: int, area: Area, canary: bytes) -> bool:
    rest = b""
    for start in range(area.start, area.end, _PIECE):
        try:
            piece = os.pread(memory, min(_PIECE, area.end - start), start)
        except OSError:
            continue
        if canary in rest + piece:
            return True
        rest = piece[-len(canary) :]
    return False
