"""A child's ties to its zygote: it dies with it, and shares neither session nor environment. Child side only."""

from __future__ import annotations

import os
import signal
from typing import Final

from sandbox.lockdown.kernel import prctl

_PR_SET_PDEATHSIG: Final = 1


class OrphanError(Exception):
    """The zygote ended before the child was tied to it."""


def tie_to(zygote: int) -> None:
    """Die when process `zygote`, the parent, dies. Must follow the change of identity, which unties."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != zygote:
        raise OrphanError
    os.setsid()
    os.environ.clear()
