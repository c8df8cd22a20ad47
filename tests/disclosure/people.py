"""People of known ages, shared by attacks on rows that code sees and by what is said of side doors."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from policies import built_in
from tests.disclosure.played import Values

DEFAULT: Final = built_in("default")
OFF: Final = msgspec.structs.replace(
    built_in("research"),
    name="off",
    max_abs_eta=1e9,
    gram_grid=0.0,
    min_difference_group=0,
    refusal_budget=10**6,
)
CENTRE: Final = 52.0
WIDTH: Final = 14.0


def people(seed: int = 5, n: int = 1000) -> dict[str, Values]:
    """Ages with isolated records in the tails, a continuous column seen for all, a binary one missing for a fifth."""
    random = np.random.default_rng(seed)
    age = np.clip(np.round(random.normal(CENTRE, WIDTH, n)), 18, 86)
    y = np.round(random.normal(size=n), 2)
    b = (random.random(n) < 1 / (1 + np.exp(-(age - CENTRE) / WIDTH))).astype(float)
    b[random.random(n) < 0.2] = np.nan
    return {"age": age, "y": y, "b": b}
