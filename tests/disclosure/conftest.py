"""Gates to play with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.disclosure.played import Site
from tests.sandbox.gate.conftest import NewGate, new_gate

__all__ = ["new_gate"]


@pytest.fixture
def site(new_gate: NewGate) -> Callable[..., Site]:
    """Makes sites; their gates end with the test."""

    def make(*arguments: object, **more: object) -> Site:
        return Site(new_gate(64 << 20), *arguments, **more)  # type: ignore[arg-type]

    return make
