"""The ledger of a host: one JSON line per message that left or was refused, each holding the hash of the line before.

The gate composes the entry, the host appends it and calls `fdatasync` before the release is forwarded: what is not in the ledger did
not leave. The chain shows tampering with any line but the last; keep the last hash somewhere else to cover that one too.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.errors import Code, PeerError

GENESIS: Final = "0" * 64


class Ledger:
    """An append-only file. One process writes it; `verify` may read it at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._previous = _last_hash(path)
        # Two jobs of one host append from two threads; a line must follow the one before it.
        self._lock = threading.Lock()

    def append(self, entry: bytes) -> None:
        """Chain and write one entry (a JSON object) and wait until it is on the disk.

        Raises :class:`PeerError`, and writes nothing, when a gate sent something else.
        """
        found = _object(entry)
        with self._lock:
            line = {**found, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "previous": self._previous}
            data = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
            os.write(self._descriptor, data + b"\n")
            os.fdatasync(self._descriptor)
            self._previous = hashlib.sha256(data).hexdigest()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a ledger found: `broken_line` is the first line that does not follow, 0 when the chain holds."""

    n_lines: int
    broken_line: int
    last_hash: str

    @property
    def holds(self) -> bool:
        """Whether no line was changed, removed or inserted."""
        return self.broken_line == 0


def _object(entry: bytes) -> dict[str, Any]:
    try:
        found = json.loads(entry)
    except (ValueError, RecursionError) as error:
        raise PeerError(Code.GATE_PROTOCOL) from error
    if not isinstance(found, dict):
        raise PeerError(Code.GATE_PROTOCOL)
    return found


def verify(path: Path) -> Verdict:
    """Check the hash chain of a ledger file."""
    previous = GENESIS
    number = 0
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, 1):
            data = raw.rstrip(b"\n")
            try:
                line = json.loads(data)
                follows = raw.endswith(b"\n") and line["previous"] == previous
            except (ValueError, TypeError, KeyError):
                follows = False
            if not follows:
                return Verdict(number, number, previous)
            previous = hashlib.sha256(data).hexdigest()
    return Verdict(number, 0, previous)


def _last_hash(path: Path) -> str:
    verdict = verify(path)
    if not verdict.holds:
        # Going on would hide the break: the operator moves the file away, knowing why.
        raise ValueError(f"{path}: the chain is broken at line {verdict.broken_line}; move the file away and look into it")
    return verdict.last_hash
