"""Gates to play with."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator

import pytest

from tests.disclosure.played import Site
from tests.sandbox.gate.conftest import GateUnderTest


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    """Makes sites, and sees to it that their gates end."""
    gates: list[GateUnderTest] = []

    def make(*arguments: object, **more: object) -> Site:
        gates.append(GateUnderTest(mmap.mmap(-1, 64 << 20)))
        return Site(gates[-1], *arguments, **more)  # type: ignore[arg-type]

    yield make
    for gate in gates:
        gate.hang_up()
        gate.join()
