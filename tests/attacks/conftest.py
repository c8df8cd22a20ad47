"""The arena of the attacks, and the lines that say where there was no control."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.errors import IsolationError
from tests.attacks.runner import Arena
from tests.attacks.scene import CANARY, VARIABLE

NO_CONTROL: list[str] = []
"""Scripts that a plain child could not do either: their block proves nothing on this machine."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, CANARY)
        folder: Path = tmp_path_factory.mktemp("attacks")
        try:
            arena = await Arena.open(folder)
        except IsolationError as error:
            pytest.fail(f"Attacks are only run on a machine that can isolate a worker: {error}")
        yield arena
        await arena.close()


@pytest.fixture
def no_control() -> list[str]:
    return NO_CONTROL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in NO_CONTROL:
        terminalreporter.write_line(f"no control here: {line}")
