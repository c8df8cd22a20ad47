"""The ledger of a host: one JSON line per message that left or was refused, each holding the hash of the line before.

The gate composes the entry, the host appends it and waits for the disk (`O_DSYNC`) before the release is forwarded: what is not in the
ledger did not leave. The chain shows tampering with any line but the last; keep the last hash somewhere else to cover that one too.

A ledger is a series of files: `ledger.jsonl` is written, and when it is full it becomes `ledger.000001.jsonl` and so on. The chain goes
on over the files; each but the first begins with a line of kind `continued`. Files may be archived elsewhere, oldest first: the chain of
those that are left still holds, and :class:`Verdict` says that earlier ones are not here.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from sandbox.errors import Code, PeerError
from sandbox.scribe import Scribe

GENESIS: Final = "0" * 64
CONTINUED: Final = "continued"
MAX_BYTES: Final = 64 << 20
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_DSYNC
"""A write returns when it is on the disk, as after `fdatasync`: one call, in which no other thread has to wait for this one."""

_encoder = msgspec.json.Encoder(order="sorted")


class Ledger:
    """An append-only series of files. One process writes it; `verify` and `entries` may read it at any time."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        """Open the ledger at `path`. Raises :class:`ValueError` when the chain of its newest file is broken."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._previous = _last_hash(path)
        self._open()
        self._scribe = Scribe(self._write_all)
        # A line must follow the one before it, whoever writes it.
        self._lock = threading.Lock()
        self.deciding = threading.Lock()
        """Held by whoever decides by the lines whether one more may be written: two at a time would see the same lines, and both pass."""

    async def enter(self, entry: bytes) -> None:
        """As :meth:`append`, for an event loop, which goes on unless the disk is quick. Entries that come together share one sync."""
        await self._scribe.enter(_object(entry))

    def append(self, entry: bytes) -> None:
        """Chain and write one entry (a JSON object) and wait until it is on the disk.

        Raises :class:`PeerError`, and writes nothing, when a gate sent something else.
        """
        self._write_all([_object(entry)])

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._scribe.close()
        os.close(self._descriptor)

    def _write_all(self, entries: Sequence[dict[str, Any]]) -> None:
        with self._lock:
            start = 0
            while start < len(entries):
                if self._size >= self._max_bytes:
                    self._rotate()
                start += self._write(entries[start:])

    def _open(self) -> None:
        self._descriptor = os.open(self.path, _FLAGS, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        if not self._size:
            self._sync_folder()
        if not self._size and self._previous != GENESIS:
            self._write([{"kind": CONTINUED}])

    def _write(self, entries: Sequence[dict[str, Any]]) -> int:
        """Chain and write entries until the file is full, in one call; how many."""
        time, previous, lines = datetime.now(UTC).isoformat(timespec="milliseconds"), self._previous, bytearray()
        n_written = 0
        for entry in entries:
            data = _encoder.encode({**entry, "time": time, "previous": previous})
            lines += data + b"\n"
            previous = hashlib.sha256(data).hexdigest()
            n_written += 1
            if self._size + len(lines) >= self._max_bytes:
                break
        if os.write(self._descriptor, lines) != len(lines):
            # A full disk takes half a line, and what has no line does not leave.
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._previous = previous
        self._size += len(lines)
        return n_written

    def _sync_folder(self) -> None:
        """A new file's name must be on the disk, too."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _rotate(self) -> None:
        os.close(self._descriptor)
        full = files(self.path)[:-1]
        number = _number(full[-1]) + 1 if full else 1
        # A crash between the two leaves no newest file: the next start goes on from the last archived line.
        self.path.rename(self.path.with_suffix(f".{number:06d}{self.path.suffix}"))
        self._open()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a ledger found: `broken_line` is the first line that does not follow, 0 when the chain holds."""

    n_lines: int
    """Lines checked, over all files."""
    broken_line: int
    last_hash: str
    broken_file: str = ""
    """The name of the file whose line does not follow; `broken_line` counts in that file."""
    is_complete: bool = True
    """Whether the first file is here: without it the chain starts in the middle."""

    @property
    def holds(self) -> bool:
        """Whether no line was changed, removed or inserted."""
        return self.broken_line == 0


def _object(entry: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(entry)
    except (ValueError, RecursionError) as error:
        raise PeerError(Code.GATE_PROTOCOL) from error
    if not isinstance(found, dict):
        raise PeerError(Code.GATE_PROTOCOL)
    return found


def files(path: Path) -> list[Path]:
    """The files of a ledger, oldest first; the one that is written comes last, whether it exists or not."""
    pattern = re.compile(re.escape(path.stem) + r"\.\d{6,}" + re.escape(path.suffix))
    return [*sorted((file for file in path.parent.glob(f"{path.stem}.*") if pattern.fullmatch(file.name)), key=_number), path]


def verify(path: Path) -> Verdict:
    """Check the hash chain over all files of a ledger. Raises :class:`FileNotFoundError` when there is none."""
    return _verify([file for file in files(path) if file.exists()] or [path])


def entries(path: Path, job_id: str) -> Iterator[dict[str, Any]]:
    """The lines about one job, over all files, in order. A line that is being written, or is damaged, is left out."""
    wanted = json.dumps(job_id).encode()
    return (line for line in _lines(path, wanted) if line.get("job") == job_id)


def entries_of_dataset(path: Path, dataset: str) -> Iterator[dict[str, Any]]:
    """The lines about one data set in whatever job, as :func:`entries`."""
    wanted = json.dumps(dataset).encode()
    return (line for line in _lines(path, wanted) if line.get("dataset") == dataset)


def entries_of_life(path: Path, life: str) -> Iterator[dict[str, Any]]:
    """The lines about the life of a file in whatever job, as :func:`entries`: its versions, and what its owner released."""
    wanted = json.dumps(life).encode()
    return (line for line in _lines(path, wanted) if line.get("life") == life)


def entries_of_kinds(path: Path, kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The lines of some kinds, whatever they are about, as :func:`entries`."""
    wanted = tuple(f'"kind":{json.dumps(kind)}'.encode() for kind in kinds)
    return (line for line in _lines(path, *wanted) if line.get("kind") in kinds)


def _lines(path: Path, *wanted: bytes) -> Iterator[dict[str, Any]]:
    """Lines that contain any of some texts."""
    for file in files(path):
        if not file.exists():
            continue
        with file.open("rb") as lines:
            for raw in lines:
                if not any(text in raw for text in wanted):
                    continue
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line


def _verify(paths: Iterable[Path]) -> Verdict:
    previous: str | None = None
    n_lines, is_complete = 0, True
    for path in paths:
        with path.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                data = raw.rstrip(b"\n")
                try:
                    line = json.loads(data)
                    if previous is None:
                        is_complete = line.get("kind") != CONTINUED
                        previous = GENESIS if is_complete else str(line["previous"])
                    follows = raw.endswith(b"\n") and line["previous"] == previous
                except (ValueError, TypeError, KeyError, AttributeError):
                    follows = False
                n_lines += 1
                if not follows:
                    return Verdict(n_lines, number, previous or GENESIS, path.name, is_complete)
                previous = hashlib.sha256(data).hexdigest()
    return Verdict(n_lines, 0, previous or GENESIS, "", is_complete)


def _last_hash(path: Path) -> str:
    """The hash that the next line must hold: of the newest file and, if it is here, the one before it."""
    newest = [file for file in files(path)[-2:] if file.exists()]
    verdict = _verify(newest)
    if not verdict.holds:
        # Going on would hide the break: the operator moves the file away, knowing why.
        broken = path.with_name(verdict.broken_file)
        raise ValueError(f"{broken}: the chain is broken at line {verdict.broken_line}; move the file away and look into it")
    return verdict.last_hash


def _number(file: Path) -> int:
    return int(file.suffixes[-2].removeprefix("."))
