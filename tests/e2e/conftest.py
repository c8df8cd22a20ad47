"""One federation for the module: three real servers, made from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.story import Federation, set_up, tear_down

AWAY_SECONDS = 15
QUICK = {
    "TIDEGATE_CENTRAL_AWAY_SECONDS": str(AWAY_SECONDS),
    "TIDEGATE_CENTRAL_PING_SECONDS": "1",
    "TIDEGATE_CENTRAL_PING_TIMEOUT_SECONDS": "1",
    "TIDEGATE_CENTRAL_SIGN_INS_PER_MINUTE": "1000",
    "TIDEGATE_CENTRAL_REGISTRATIONS_PER_HOUR": "1000",
}
"""A site is given up after fifteen seconds instead of sixty: on a busy machine one that comes back needs some. Tests sign in often."""


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("federation")


@pytest.fixture(scope="module")
def federation(data_folder: Path) -> Iterator[Federation]:
    federation = set_up(data_folder, lambda _: None, QUICK)
    yield federation
    tear_down(federation)
