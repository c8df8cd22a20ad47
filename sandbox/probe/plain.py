"""The plain children: every deed, or its harmless twin, in a process that nothing locks in. ``python -I -B -m sandbox.probe.plain``.

Run once by :mod:`sandbox.probe.runner`; prints one line per deed, its name and what came of it. Each has a child of its own, forked as a
locked child is, so that the lockdown is the only difference.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile

from sandbox.probe.catalogue import CATALOGUE
from sandbox.probe.deed import CHANNEL, FOREIGN, Attempt, outcome_of

_SECONDS = 5
_MAX_OUTCOME = 200


def main() -> None:
    """Try every deed."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as file, ours, theirs:
        # First out of the way: one of them may already sit where another belongs.
        parked = [(os.dup(file.fileno()), FOREIGN), (os.dup(ours.fileno()), CHANNEL)]
        for descriptor, place in parked:
            os.dup2(descriptor, place)
        for deed in CATALOGUE:
            sys.stdout.write(f"{deed.name} {_in_a_child(deed.twin)}\n")
            sys.stdout.flush()
        # The places belong to objects that do not know it: an orderly end would close what is not theirs.
        os._exit(0)


def _in_a_child(attempt: Attempt) -> str:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(_SECONDS)
        os.write(writing, outcome_of(attempt).encode())
        os._exit(0)
    os.close(writing)
    said = os.read(reading, _MAX_OUTCOME).decode()
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    return said or f"exit {os.waitstatus_to_exitcode(status)}"


if __name__ == "__main__":
    main()
