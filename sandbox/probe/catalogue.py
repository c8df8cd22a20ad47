"""Every deed of the isolation report, in its order."""

from __future__ import annotations

from typing import Final

from sandbox.probe.deed import Deed
from sandbox.probe.deeds.files import FILES
from sandbox.probe.deeds.kernel import KERNEL
from sandbox.probe.deeds.memory import MEMORY
from sandbox.probe.deeds.network import NETWORK
from sandbox.probe.deeds.processes import PROCESSES

CATALOGUE: Final[tuple[Deed, ...]] = tuple(deed for group in (FILES, NETWORK, PROCESSES, KERNEL, MEMORY) for deed in group.deeds)
BY_NAME: Final[dict[str, Deed]] = {deed.name: deed for deed in CATALOGUE}
