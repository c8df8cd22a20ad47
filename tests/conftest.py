"""Fixtures for whole simulations: real gates and workers, no network."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from policies import Policy, built_in
from sandbox.job import job_from_table
from sandbox.manifest import load_pair
from sandbox.simulate import Inputs, Simulation

ALGORITHMS = Path(__file__).parents[1] / "algorithms"
GOLDEN = Path(__file__).parent / "golden"
HEART = Path(__file__).parent / "data" / "heart"

# Machines are shared and noisy: how long an example takes says nothing.
settings.register_profile("tidegate", deadline=None)
settings.load_profile("tidegate")

Run = Callable[..., Coroutine[Any, Any, dict[str, Any]]]


@pytest.fixture
def exact() -> Policy:
    """`research` without rounding: what the kernels compute, to the last digit."""
    return msgspec.structs.replace(built_in("research"), name="exact", gram_grid=0.0)


@pytest.fixture
def simulate(tmp_path: Path) -> Run:
    """Run a bundled pair: `await simulate("SIMI", job table, central, sites, policy, out)`."""

    async def run(
        pair: str, job: dict[str, Any], central: Path, sites: Sequence[Path] = (), policy: Policy | str = "default", out: str = "out"
    ) -> dict[str, Any]:
        policy = built_in(policy) if isinstance(policy, str) else policy
        inputs = Inputs(load_pair(ALGORITHMS / pair), job_from_table(job), central, tuple(sites), policy, tmp_path / out)
        return await Simulation(inputs).run()

    return run
