"""The plain child: one deed, or its harmless twin, in a process that nothing locks in. ``python -I -B -m sandbox.probe.plain NAME``.

Run by :mod:`sandbox.probe.runner`, one process per deed; prints what came of it.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile

from sandbox.probe.catalogue import BY_NAME
from sandbox.probe.deed import CHANNEL, FOREIGN, outcome_of


def main() -> None:
    """Try the deed that the command line names."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as file, ours, theirs:
        for descriptor, place in ((file.fileno(), FOREIGN), (ours.fileno(), CHANNEL)):
            if descriptor != place:
                os.dup2(descriptor, place)
        said = outcome_of(BY_NAME[sys.argv[1]].twin)
        sys.stdout.write(said)
        sys.stdout.flush()
        # Some deeds leave this process in a state in which an orderly end would complain.
        os._exit(0)


if __name__ == "__main__":
    main()
