"""Budgets: what is new, and how much of it may leave."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import SumBudget, check_message_size

DEFAULT = built_in("default")
ONES = np.ones(300)


def budget(sizes: np.ndarray = ONES, *, is_reviewed: bool = True, is_complete: np.ndarray | None = None) -> SumBudget:
    return SumBudget(sizes, DEFAULT, np.random.default_rng(3), is_reviewed=is_reviewed, is_complete=is_complete)


def random_columns(n: int, seed: int = 1, n_blocks: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_blocks, n))


def spend(judge: SumBudget, blocks: np.ndarray) -> int:
    before = judge.n_spent
    assert judge.check(blocks) == []
    judge.accept()
    return judge.n_spent - before


@pytest.mark.parametrize(("n_numbers", "broken"), [(150, []), (151, [(151, 150)])])
def test_a_message_has_at_most_a_share_of_the_rows(n_numbers: int, broken: list[tuple[int, int]]) -> None:
    assert [(breach.found, breach.limit) for breach in check_message_size(n_numbers, 300, DEFAULT)] == broken


@pytest.mark.parametrize("sizes", [np.ones(300), np.full(300, 20.0)])
def test_what_left_before_is_not_new_nor_is_what_it_determines(sizes: np.ndarray) -> None:
    judge, blocks = budget(sizes), random_columns(20)
    assert spend(judge, blocks) == 20
    assert spend(judge, blocks) == 0
    assert spend(judge, -3 * blocks + 2 * sizes[:, None]) == 0
    assert spend(judge, blocks @ np.random.default_rng(0).normal(size=(20, 40))) == 0
    assert spend(judge, np.concatenate([blocks, random_columns(7, 2)], axis=1)) == 7


def test_a_little_of_something_new_is_new() -> None:
    judge, blocks = budget(), random_columns(20)
    spend(judge, blocks)
    assert spend(judge, blocks[:, :5] + 1e-8 * random_columns(5, 2)) == 5
    assert spend(judge, blocks[:, :5] + 1e-14 * random_columns(5, 3)) == 0


def test_beyond_what_blocks_can_tell_numbers_are_counted() -> None:
    judge = budget(np.full(300, 100.0))
    assert spend(judge, random_columns(90)) == 90
    assert spend(judge, random_columns(200, 2)) == 200
    # No rank any more: a combination counts, a copy does not.
    assert spend(judge, random_columns(90) + 5.0 * random_columns(90)[:, ::-1]) == 90
    assert spend(judge, 2 * random_columns(200, 2)) == 0
    assert judge.n_spent == 380


@pytest.mark.parametrize(("is_reviewed", "limit"), [(True, 198), (False, 30)])
def test_a_job_ends_at_its_budget_and_unreviewed_code_has_a_small_one(is_reviewed: bool, limit: int) -> None:
    judge = budget(is_reviewed=is_reviewed)
    for seed in range(limit):
        assert spend(judge, random_columns(1, seed)) == 1
    assert [(breach.found, breach.limit) for breach in judge.check(random_columns(1, limit))] == [(limit + 1, limit)]


def test_what_was_refused_is_not_spent() -> None:
    judge = budget()
    assert judge.check(random_columns(250)) != []
    assert judge.n_spent == 0
    assert spend(judge, random_columns(100)) == 100


def test_rows_with_filled_cells_do_not_make_a_number_new_but_all_rows_do_when_few_are_complete() -> None:
    blocks = random_columns(20)
    for n_complete, n_new in ((200, 0), (100, 20)):
        is_complete = np.arange(300) < n_complete
        judge = budget(is_complete=is_complete)
        assert spend(judge, blocks) == 20
        changed = np.where(is_complete[:, None], blocks, random_columns(20, 2))
        assert spend(judge, changed) == n_new


def test_constants_are_no_numbers_about_rows() -> None:
    assert spend(budget(), np.stack([ONES, 0 * ONES, 5 * ONES], axis=1)) == 0


def test_strict_allows_less() -> None:
    strict = built_in("strict")
    assert check_message_size(31, 300, strict) != []
    assert msgspec.structs.asdict(strict)["max_job_sums_per_row"] < DEFAULT.max_job_sums_per_row
