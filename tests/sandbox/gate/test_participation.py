"""Rows whose imputed cells of a binary target would hardly vary are left out, and those that are left vary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import built_in
from policies.disclosure import redraw_limit
from sandbox.contract import Column, Contract
from sandbox.gate.participation import participation
from sandbox.gate.patterns import find_patterns

LIMIT = 10
CONTRACT = Contract(
    (
        Column("a", "predictor"),
        Column("b", "target", "binary", ("0", "1")),
        Column("c", "target", "continuous"),
        Column("d", "target", "binary", ("0", "1")),
    )
)


def columns_of(
    random: np.random.Generator, n: int, shares: tuple[float, float], missing: tuple[float, float, float]
) -> dict[int, np.ndarray]:
    columns = {1: random.normal(size=n), 2: 1.0 * (random.random(n) < shares[0]), 3: random.normal(size=n)}
    columns[4] = 1.0 * (random.random(n) < shares[1])
    for index, share in zip((2, 3, 4), missing, strict=True):
        columns[index][random.random(n) < share] = np.nan
    return columns


def patterns_of(columns: dict[int, np.ndarray], targets: tuple[int, ...] = (2, 3, 4)):
    return find_patterns(np.stack([np.isnan(columns[index]) for index in targets], axis=1))


@given(st.integers(0, 2**32 - 1), st.integers(100, 1500), st.tuples(*[st.floats(0.02, 0.5)] * 2), st.tuples(*[st.floats(0, 0.5)] * 3))
@settings(max_examples=60, deadline=None)
def test_every_group_that_misses_a_binary_target_is_empty_or_large_enough_for_its_rarer_value(seed, n, shares, missing) -> None:
    columns = columns_of(np.random.default_rng(seed), n, shares, missing)
    patterns = patterns_of(columns)
    part = participation(CONTRACT, patterns, columns, LIMIT, built_in("default"))
    rows, masks = part.is_kept[patterns.of_row], patterns.masks[patterns.of_row]
    for j, index in ((0, 2), (2, 4)):
        observed = columns[index][~np.isnan(columns[index])]
        n_ones = int(observed.sum())
        needed = redraw_limit(min(n_ones, len(observed) - n_ones), len(observed), LIMIT) if len(observed) else LIMIT
        for group in (masks[:, j], *(masks[:, j] & ~masks[:, k] for k in range(3) if k != j)):
            assert not 0 < (group & rows).sum() < needed
    left_out = {notice.details["column"]: notice.details["found"] for notice in part.notices}
    assert all(notice.severity == "notice" for notice in part.notices)
    assert left_out.keys() <= {"b", "d"}


@pytest.mark.parametrize(("share", "n_missing", "is_left_out"), [(0.5, 40, False), (0.5, 39, True), (0.1, 200, False), (0.1, 199, True)])
def test_twice_the_group_of_the_rarer_value_is_enough(share: float, n_missing: int, is_left_out: bool) -> None:
    columns = columns_of(np.random.default_rng(0), 1000, (share, 0.5), (0, 0, 0))
    n_observed = 1000 - n_missing
    columns[2][:n_missing] = np.nan
    columns[2][n_missing:] = np.arange(n_observed) < int(share * n_observed)
    part = participation(CONTRACT, patterns_of(columns), columns, LIMIT, built_in("default"))
    assert bool(part.notices) is is_left_out
    # Not counted among those that would tell two answers apart.
    assert part.n_set_aside == 0


def test_of_one_target_nobody_is_left_out() -> None:
    columns = columns_of(np.random.default_rng(0), 500, (0.1, 0.5), (0.1, 0.1, 0))
    one = Contract((*CONTRACT.columns[:2], Column("c", "predictor"), Column("d", "predictor")))
    del_missing = {**columns, 3: np.nan_to_num(columns[3])}
    part = participation(one, patterns_of(del_missing, (2,)), del_missing, LIMIT, built_in("default"))
    assert (part.is_kept.all(), part.notices) == (True, ())


def test_a_target_that_is_never_observed_here_leaves_nobody_out() -> None:
    columns = columns_of(np.random.default_rng(0), 500, (0.1, 0.5), (0, 0.1, 0))
    columns[2][:] = np.nan
    part = participation(CONTRACT, patterns_of(columns), columns, LIMIT, built_in("default"))
    assert (part.is_kept.all(), part.notices) == (True, ())
