"""Attacks of code that sees rows, each beside the same code without the cheat: the one is refused by its rule, the other passes.

The attacker knows a column of the victim's row (the first one), wrote the code, and reads what leaves. `u` is what honest code would sum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.sandbox.gate.verification.played import Code, Site, Values, moments, normal_site

SIZES = (200, 1200, 5000)
Cheat = Callable[[float], Code]
"""Code that knows the victim by the value of the first column."""


def is_victim(rows: Values, known: float) -> Values:
    return (rows[:, 0] == known).astype(float)


def u(rows: Values) -> Values:
    return rows[:, 1] * rows[:, 2] + rows[:, 3]


def honest(rows: Values) -> Values:
    return moments(rows)


class Memory:
    """Module state: counts calls."""

    def __init__(self) -> None:
        self.n_calls = 0

    def __call__(self, rows: Values) -> Values:
        self.n_calls += 1
        return np.array([u(rows).sum() + 1e-6 * self.n_calls])


def packed(rows: Values) -> Values:
    return np.array([np.sum(np.round(rows[:, 1] * 100) * 1e4 ** np.minimum(np.arange(len(rows)), 3))])


def rounded_with_message(rows: Values) -> Values:
    """The digits below the sixth of an honest sum are a message."""
    total = u(rows).sum()
    return np.array([np.round(total, 6) + 1e-8 * np.round(10 * rows[0, 1])])


def raw_row_as_matrix(rows: Values) -> Values:
    p = rows.shape[1]
    matrix = np.zeros((p, p))
    matrix[0] = rows[0]
    return matrix.ravel()


def symmetric_first_row(rows: Values) -> Values:
    """A p × p field, symmetric and positive definite, whose first row and column are somebody's."""
    p = rows.shape[1]
    matrix = np.diag(np.full(p, 1e3))
    matrix[0, 1:] = matrix[1:, 0] = rows[0, 1:]
    return matrix.ravel()


NOT_SUMS: dict[str, Code] = {
    "first row": lambda rows: rows[0],
    "last row": lambda rows: rows[-1],
    "largest": lambda rows: rows.max(axis=0),
    "smallest three, sorted": lambda rows: np.sort(rows[:, 1])[: min(3, len(rows))].sum(keepdims=True),
    "mean": lambda rows: rows.mean(axis=0),
    "median": lambda rows: np.median(rows, axis=0),
    "packed by position": packed,
    "message in low digits": rounded_with_message,
    "number of rows": lambda rows: np.array([u(rows).sum() + (rows[0, 1] if len(rows) > 50 else 0.0)]),
    "module state": Memory(),
    "raw row in a p × p field": raw_row_as_matrix,
    "raw row in a positive definite p × p field": symmetric_first_row,
    "not a number": lambda rows: np.array([np.nan]),
    "infinite": lambda rows: np.array([np.inf]),
    "underflow": lambda rows: np.array([1e-200 * u(rows).sum()]),
    "overflow": lambda rows: np.array([1e200 * u(rows).sum()]),
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", NOT_SUMS)
def test_what_depends_on_more_than_each_row_is_no_sum(name: str, n: int) -> None:
    assert normal_site(n).rules(NOT_SUMS[name]) == {"additive"}


@pytest.mark.parametrize("n", SIZES)
def test_the_honest_code_beside_all_attacks_passes(n: int) -> None:
    site = normal_site(n)
    assert site.rules(honest, honest) == set()
    assert site.rules(lambda rows: np.array([u(rows).sum()])) == set()


def by_content(known: float) -> Code:
    """When the victim is among the rows, the sum is another one."""
    return lambda rows: np.array([u(rows).sum() * (-1 if is_victim(rows, known).any() else 1)])


def one_row(known: float) -> Code:
    return lambda rows: np.array([(rows[:, 1] * is_victim(rows, known)).sum()])


def raw_row_by_predicate(known: float) -> Code:
    """The victim's x x' in a p × p field: symmetric and positive semi-definite."""
    return lambda rows: ((rows * is_victim(rows, known)[:, None]).T @ rows).ravel()


def one_with_exception(known: float) -> Code:
    return lambda rows: np.array([(1.0 + rows[:, 1] * is_victim(rows, known)).sum()])


def heavy_weight(known: float) -> Code:
    return lambda rows: np.array([((1.0 + 1e6 * is_victim(rows, known)) * rows[:, 1]).sum()])


def padded_weight(known: float) -> Code:
    """Every row contributes something, the victim nearly all."""
    return lambda rows: np.array([((1e-6 + is_victim(rows, known)) * rows[:, 1]).sum() + 1e-6 * u(rows).sum()])


def span(known: float) -> Code:
    return lambda rows: np.array([u(rows).sum(), (u(rows) + rows[:, 1] * is_victim(rows, known)).sum()])


def scaled_span(known: float) -> Code:
    return lambda rows: np.array([u(rows).sum(), (7 - 2.5 * u(rows) + rows[:, 1] * is_victim(rows, known)).sum()])


def padded_span(known: float) -> Code:
    """The two sums differ on every row, by next to nothing."""
    return lambda rows: np.array([u(rows).sum(), (u(rows) + 1e-10 * rows[:, 4] + rows[:, 1] * is_victim(rows, known)).sum()])


def span_of_four(known: float) -> Code:
    def code(rows: Values) -> Values:
        sums = rows[:, 1:4].sum(axis=0)
        return np.array([*sums, (rows[:, 1:4] @ [1.0, 2.0, -0.5] + rows[:, 4] * is_victim(rows, known)).sum()])

    return code


def lattice(known: float) -> Code:
    return lambda rows: np.array([(4 * np.round(u(rows)) + rows[:, 1] * is_victim(rows, known)).sum()])


def fine_lattice(known: float) -> Code:
    """The same in the fifth digit."""
    return lambda rows: np.array([(np.round(u(rows), 4) + 1e-5 * rows[:, 1] * is_victim(rows, known)).sum()])


ON_ONE_ROW: dict[str, tuple[Cheat, set[str]]] = {
    "content": (by_content, {"additive"}),
    "one row": (one_row, {"dominance", "contributors"}),
    "raw row by a predicate": (raw_row_by_predicate, {"dominance", "contributors"}),
    "a constant with one exception": (one_with_exception, {"dominance", "contributors"}),
    "weight on one row": (heavy_weight, {"dominance"}),
    "weight on one row, padded": (padded_weight, {"dominance"}),
    "span of two": (span, {"span"}),
    "span of a multiple": (scaled_span, {"span"}),
    "span, padded": (padded_span, {"span"}),
    "span of four": (span_of_four, {"span"}),
    "lattice": (lattice, {"lattice"}),
    "fine lattice": (fine_lattice, {"lattice"}),
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", ON_ONE_ROW)
def test_a_sum_about_one_row_is_caught(name: str, n: int) -> None:
    site = normal_site(n)
    cheat, rules = ON_ONE_ROW[name]
    for victim in range(4):
        assert site.rules(cheat(float(site.rows[victim, 0]))) >= rules, victim
    # Without the victim it is honest code, and passes (a constant or nothing, when the cheat was all there was to it).
    assert site.rules(cheat(np.inf)) == set()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("n_rows", [2, 3, 4])
def test_a_predicate_that_a_few_rows_meet_is_caught_alone_and_beside_the_sum_of_all(n: int, n_rows: int) -> None:
    site = normal_site(n)
    few = np.sort(site.rows[:, 0])[n_rows]

    def alone(rows: Values) -> Values:
        return np.array([(rows[:, 0] < few).sum()])

    def beside(rows: Values) -> Values:
        return np.array([u(rows).sum(), u(rows)[rows[:, 0] >= few].sum()])

    # Where rows share blocks, four rows are told from five by chance only.
    caught = n_rows < 4 or n <= 512
    assert ("contributors" in site.rules(alone)) >= caught
    assert ("span" in site.rules(beside)) >= caught
    many = float(np.median(site.rows[:, 0]))
    assert site.rules(lambda rows: np.array([(rows[:, 0] < many).sum()])) == set()
    assert site.rules(lambda rows: np.array([u(rows).sum(), u(rows)[rows[:, 0] >= many].sum()])) == set()


@pytest.mark.parametrize("n", SIZES)
def test_hash_slots_with_a_few_rows_each_are_caught(n: int) -> None:
    site = normal_site(n)

    def slots(n_slots: int) -> Code:
        def code(rows: Values) -> Values:
            slot = (np.abs(rows[:, 0]) * 1e6).astype(int) % n_slots
            return np.bincount(slot, weights=u(rows), minlength=n_slots).astype(float)[:20]

        return code

    assert "contributors" in site.rules(slots(n // 2))
    assert site.rules(slots(4)) == set()


@pytest.mark.parametrize("n", SIZES)
def test_a_sum_asked_again_with_a_row_more_is_caught_also_after_something_else_was_asked(n: int) -> None:
    site = normal_site(n)
    known = float(site.rows[0, 0])

    def plain(rows: Values) -> Values:
        return np.array([u(rows).sum()])

    def other(rows: Values) -> Values:
        return np.array([np.tanh(rows[:, 2]).sum()])

    def more(rows: Values) -> Values:
        return np.array([(u(rows) + rows[:, 1] * is_victim(rows, known)).sum()])

    assert {"difference", "span"} <= site.rules(plain, more)
    assert site.rules(plain, other, more) == {"span"}
    assert site.rules(plain, other, plain, other) == set()


def test_the_value_of_a_cell_is_caught_however_it_got_there() -> None:
    site = normal_site(300)
    cell = float(site.rows[5, 1])
    assert site.rules(lambda rows: np.array([cell * len(rows) / 300])) == {"value"}
    assert site.rules(lambda rows: np.array([(cell + 1e-3) * len(rows) / 300])) == set()


def test_sums_over_chosen_subsets_are_counted() -> None:
    site = normal_site(400)

    def subsets(n_sums: int) -> Code:
        def code(rows: Values) -> Values:
            phase = np.outer(np.abs(rows[:, 0]) * 1e5, np.sqrt(np.arange(2, 2 + n_sums)))
            return (np.where(phase % 2 < 1, 1.0, 0.0) * rows[:, [1]]).sum(axis=0)

        return code

    assert site.rules(subsets(201)) == {"sum_budget"}
    assert site.rules(subsets(200)) == set()


def test_five_rows_of_a_site_of_two_hundred_are_enough_people() -> None:
    site = Site(np.random.default_rng(3).normal(size=(200, 5)))
    fifth = np.sort(site.rows[:, 0])[5]
    assert site.rules(lambda rows: np.array([(rows[:, 0] < fifth).sum()])) == set()
