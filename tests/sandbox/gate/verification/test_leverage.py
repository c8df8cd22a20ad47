"""Combinations of sums that single a block out."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.gate.verification import check_leverage

SIZES = np.array([3.0] * 100 + [2.0] * 412)


def rules(blocks: np.ndarray, sizes: np.ndarray = SIZES, seed: int = 0) -> list[str]:
    return [breach.rule for breach in check_leverage(blocks, sizes, np.random.default_rng(seed))]


def random_columns(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(512, n))


def with_combination(n: int, by: float) -> np.ndarray:
    """The last of `n` columns is a combination of ten before it and of the sizes, but for one block."""
    blocks = random_columns(n)
    blocks[:, -1] = blocks[:, -11:-1] @ np.linspace(-2, 3, 10) + 5 * SIZES
    blocks[77, -1] += by
    return blocks


@pytest.mark.parametrize("by", [10.0, 1.0, 1e-4, 2e-5])
@pytest.mark.parametrize("n", [11, 150, 600])
def test_a_combination_that_is_zero_but_for_one_block_is_found(n: int, by: float) -> None:
    assert rules(with_combination(n, by)) == ["span"]


@pytest.mark.parametrize("n", [11, 150, 600])
def test_a_combination_that_is_zero_or_below_the_release_grid_is_not(n: int) -> None:
    assert rules(with_combination(n, 0.0)) == []
    assert rules(with_combination(n, 1e-9)) == []


def test_columns_far_apart_in_the_order_are_found_when_they_meet_in_a_random_chunk() -> None:
    blocks = random_columns(300)
    blocks[:, 299] = blocks[:, 0] + blocks[:, 1]
    blocks[77, 299] += 1.0
    assert any(rules(blocks, seed=seed) for seed in range(20))


@pytest.mark.parametrize("kind", ["lognormal", "t2", "cauchy"])
def test_honest_heavy_tails_are_not_singled_out(kind: str) -> None:
    random = np.random.default_rng(4)
    draw = {"lognormal": random.lognormal, "t2": lambda size: random.standard_t(2, size), "cauchy": random.standard_cauchy}[kind]
    rows = draw(size=(512, 9))
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    assert rules(np.einsum("ij,ik->ijk", rows, rows).reshape(512, -1), np.ones(512)) == []


def test_dependent_columns_scales_and_zeros_raise_no_alarm() -> None:
    blocks = random_columns(20)
    blocks = np.concatenate([blocks, 1e8 * blocks + SIZES[:, None], 1e-8 * blocks, np.zeros((512, 2)), SIZES[:, None]], axis=1)
    assert rules(blocks) == []


def test_too_few_blocks_for_a_chunk_are_left_to_the_other_rules() -> None:
    assert rules(random_columns(4)[:5], SIZES[:5]) == []
    assert rules(np.empty((512, 0))) == []
