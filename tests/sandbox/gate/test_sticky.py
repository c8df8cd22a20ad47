"""Sticky errors: what they depend on, and what they do not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from sandbox.gate import sticky
from sandbox.gate.sticky import Contents, Errors, typical

SECRET = b"k" * 32


def contents_of(columns: np.ndarray, secret: bytes = SECRET) -> Contents:
    """Of columns of zeros and ones and numeric ones, shape (columns, rows)."""
    is_two_valued = np.array([bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all()) for values in columns])
    return Contents(secret, lambda: [columns.copy()], is_two_valued, range(len(columns)))


def windows() -> tuple[np.ndarray, np.ndarray]:
    """A column of ages and two windows of a lab; the same with two people who have changed places between the windows."""
    random = np.random.default_rng(2)
    windows = np.zeros((2, 60))
    windows[0, :10] = windows[1, 10:20] = 1.0
    exchanged = windows.copy()
    exchanged[:, [3, 14]] = windows[:, [14, 3]]
    ages = random.normal(size=(2, 60))
    return np.vstack([ages, windows]), np.vstack([ages, exchanged])


def test_errors_are_standard_normal_numbers_that_nothing_else_shares() -> None:
    errors = Errors(SECRET, b"life", 1.0)
    numbers = [errors.normal("sum", (str(i), str(j)), (bytes([i]), bytes([j]))) for i, j in itertools.product(range(60), range(60))]
    assert stats.kstest(numbers, "norm").pvalue > 0.001
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("other", [Errors(b"x" * 32, b"life", 1.0), Errors(SECRET, b"life", 1.0)])
def test_an_error_is_a_function_of_the_secret(other: Errors) -> None:
    number = Errors(SECRET, b"life", 1.0).normal("sum", ("a",), (b"1",))
    assert (number == other.normal("sum", ("a",), (b"1",))) is (other.secret == SECRET)


def test_lists_of_keys_are_never_one_text() -> None:
    errors = Errors(SECRET, b"life", 1.0)
    assert errors.normal("sum", ("ab", "c"), ()) != errors.normal("sum", ("a", "bc"), ())
    assert errors.normal("sum", ("a",), (b"12", b"3")) != errors.normal("sum", ("a",), (b"1", b"23"))


@pytest.mark.parametrize(("life", "content", "expected"), [(b"life", b"2", 0.5), (b"other", b"1", 0.5), (b"other", b"2", 0.0)])
def test_half_of_the_variance_belongs_to_the_life_and_half_to_the_rows(life: bytes, content: bytes, expected: float) -> None:
    first, second = Errors(SECRET, b"life", 1.0), Errors(SECRET, life, 1.0)
    pairs = [
        (first.normal("sum", (str(i),), (b"1", bytes([i % 250]))), second.normal("sum", (str(i),), (content, bytes([i % 250]))))
        for i in range(4000)
    ]
    assert np.corrcoef(np.transpose(pairs))[0, 1] == pytest.approx(expected, abs=0.06)


def test_the_digest_of_rows_depends_neither_on_their_order_nor_on_that_of_columns() -> None:
    columns, _ = windows()
    contents = contents_of(columns)
    order = np.random.default_rng(1).permutation(60)
    shuffled, turned = contents_of(columns[:, order]), contents_of(columns[::-1])
    assert contents.pairs() == shuffled.pairs()
    assert contents.pairs()[0, 2] == turned.pairs()[1, 3]
    assert contents.alone(1) == shuffled.alone(1) == turned.alone(2)
    rows, known = contents.together(0)
    assert (rows, known) == shuffled.together(0)
    assert (rows, known[::-1]) == turned.together(3)


def test_digests_do_not_depend_on_the_pieces_in_which_rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, _ = windows()
    whole = contents_of(columns)
    monkeypatch.setattr(sticky, "ROWS_AT_ONCE", 7)
    pieces = contents_of(columns)
    assert (pieces.alone(0), pieces.pairs(), pieces.together(0)) == (whole.alone(0), whole.pairs(), whole.together(0))


def test_digests_of_many_rows_are_sums_without_rounding() -> None:
    """In another order floating point would round otherwise, and a digest that is rounded is another one."""
    random = np.random.default_rng(3)
    columns = np.vstack([random.normal(size=(3, 40_000)), random.random((2, 40_000)) < 0.3])
    columns[1, random.random(40_000) < 0.2] = np.nan
    whole, shuffled = contents_of(columns), contents_of(columns[:, random.permutation(40_000)])
    assert whole.pairs() == shuffled.pairs()
    assert [whole.alone(j) for j in range(5)] == [shuffled.alone(j) for j in range(5)]
    assert [whole.together(j) for j in range(5)] == [shuffled.together(j) for j in range(5)]


def test_files_that_differ_in_one_exchange_of_two_people_have_different_digests() -> None:
    columns, _ = windows()
    random = np.random.default_rng(4)
    pairs, known = set(), set()
    for _ in range(200):
        exchanged = columns.copy()
        # Ages of two people: every column keeps its cells.
        one, other = random.choice(60, 2, replace=False)
        exchanged[0, [one, other]] = exchanged[0, [other, one]]
        contents = contents_of(exchanged)
        assert contents.alone(0) == contents_of(columns).alone(0)
        pairs.add((min(one, other), max(one, other), contents.pairs()[0, 1]))
        known.add((min(one, other), max(one, other), contents.together(0)[0]))
    n_different = len({pair[:2] for pair in pairs})
    assert len({digest for *_, digest in pairs}) == len({digest for *_, digest in known}) == n_different


def test_one_changed_cell_is_another_digest() -> None:
    columns, _ = windows()
    changed = columns.copy()
    changed[0, 7] += 1e-5
    before, after = contents_of(columns), contents_of(changed)
    assert before.alone(0) != after.alone(0)
    assert before.pairs()[0, 1] != after.pairs()[0, 1]
    assert before.pairs()[1, 2] == after.pairs()[1, 2]
    assert before.together(0)[0] != after.together(0)[0]


def test_rounding_is_no_other_digest_and_a_missing_cell_is() -> None:
    columns, _ = windows()
    rounded = columns * 2.54 / 2.54 + 1e-14
    rounded[2:] = columns[2:]
    assert contents_of(columns).pairs() == contents_of(rounded).pairs()
    missing = columns.copy()
    missing[1, 5] = np.nan
    assert contents_of(columns).alone(1) != contents_of(missing).alone(1)


def test_people_who_change_places_between_two_windows_are_another_question() -> None:
    """Each window keeps its number of people, and the rows keep their cells, as long as nobody looks at which window is which (control)."""
    before, after = (contents_of(columns) for columns in windows())
    assert before.alone(2) == after.alone(2)
    assert before.pairs()[2, 3] == after.pairs()[2, 3]
    for target in (0, 2):
        rows, known = before.together(target)
        other_rows, other_known = after.together(target)
        assert rows != other_rows
        assert known != other_known
    # With an age: the sums of products have changed, and so have their errors.
    assert before.pairs()[0, 2] != after.pairs()[0, 2]


def test_another_secret_is_other_digests() -> None:
    columns, _ = windows()
    assert contents_of(columns).alone(0) != contents_of(columns, b"x" * 32).alone(0)


def test_a_typical_contribution_is_that_of_a_person_and_at_least_the_floor() -> None:
    squares, absolutes = np.array([40.0, 40.0, 0.0]), np.array([20.0, 400.0, 0.0])
    assert list(typical(squares, absolutes, 1.0)) == [2.0, 1.0, 1.0]
