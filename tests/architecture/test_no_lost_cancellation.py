"""A cancel must arrive. `asyncio.wait_for` of Python 3.11 drops one that comes together with the result it waits for: a job that was
cancelled at the wrong moment ran on. `asyncio.timeout` does not."""

from __future__ import annotations

import ast
import asyncio
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("policies", "sandbox", "central", "remote") for path in (ROOT / package).rglob("*.py"))


def calls_of_wait_for(source: str) -> list[int]:
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute) and node.attr == "wait_for"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_calls_wait_for(path: Path) -> None:
    assert calls_of_wait_for(path.read_text(encoding="utf-8")) == []


def test_the_search_finds_a_call() -> None:
    assert calls_of_wait_for("import asyncio\nasync def f(x):\n    await asyncio.wait_for(x, 1)\n") == [3]


async def cancelled_with_its_result(wait: object) -> bool:
    """Whether a cancel that arrives in the same turn of the loop as the awaited result is seen."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(wait(future))  # type: ignore[operator]
    await asyncio.sleep(0)
    future.set_result(1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


async def test_timeout_sees_a_cancel_that_comes_with_the_result() -> None:
    async def wait(future: asyncio.Future[int]) -> int:
        async with asyncio.timeout(5):
            return await future

    assert await cancelled_with_its_result(wait)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="mended in Python 3.12")
async def test_wait_for_loses_it() -> None:
    async def wait(future: asyncio.Future[int]) -> int:
        return await asyncio.wait_for(future, 5)

    assert not await cancelled_with_its_result(wait)
