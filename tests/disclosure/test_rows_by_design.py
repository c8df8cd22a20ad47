"""What passes every check on sums, because it is one: shown, measured, and said in `policies/README.md`."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.release import grid_step, round_to
from sandbox.gate.verification import Verifier
from tests.disclosure.leaks_of_rows import POLICY, padded_errors, reconstruction, span_errors, subset_sums, three_messages
from tests.sandbox.gate.verification.played import Values, normal_site

RESEARCH = built_in("research")


@pytest.mark.parametrize("n", [200, 1200])
def test_a_span_lattice_in_approved_code_tells_a_cell_to_seven_digits(n: int) -> None:
    assert np.median(np.abs(span_errors(n, None, n_victims=8))) < 1e-6


@pytest.mark.parametrize("n", [200, 1200])
def test_coarse_rounding_of_a_hundredth_leaves_two_bits_of_it_and_of_a_tenth_none(n: int) -> None:
    hundredth, tenth = (np.median(np.abs(span_errors(n, grid, n_victims=24))) for grid in (RESEARCH.coarse_grid, 0.1))
    assert hundredth > 0.1
    # Who guesses the mean is within 0.67 half of the time.
    assert tenth > 0.6


@pytest.mark.parametrize("grid", [None, RESEARCH.coarse_grid])
def test_subset_sums_tell_as_much_as_the_budget_lets_them_and_rounding_does_not_help(grid: float | None) -> None:
    for share in (POLICY.max_sums_per_row, POLICY.max_unreviewed_sums_per_row):
        told = np.mean([reconstruction(400, share, grid, is_binary=False, seed=seed) for seed in range(4)])
        assert told == pytest.approx(share, abs=0.08)


def test_unreviewed_code_has_a_tenth_of_the_rows_for_a_whole_job() -> None:
    site = normal_site(400)
    for is_reviewed, n_allowed in ((True, 200), (False, 40)):
        for n_sums, rules in ((n_allowed, set()), (n_allowed + 1, {"sum_budget"})):
            verifier, answer = site.verifier(is_reviewed=is_reviewed), site.run(subset_sums(n_sums)[0])
            assert {breach.rule for breach in verifier.check("subsets", answer.whole, answer.blocks)} == rules


@pytest.mark.parametrize("n", [200, 1200])
def test_a_row_with_a_little_of_all_others_around_it_tells_a_cell_to_a_few_hundredths_reviewed_or_not(n: int) -> None:
    exact, coarse = (np.abs(padded_errors(n, grid, n_victims=12)) for grid in (None, RESEARCH.coarse_grid))
    assert np.median(exact) < 0.05
    # Beside a row that stands out, a hundredth of the spread is next to nothing.
    assert np.median(coarse) < 0.05


@pytest.mark.parametrize("n", [200, 1200])
def test_sums_of_three_messages_tell_a_cell_exactly(n: int) -> None:
    site = normal_site(n)
    codes = three_messages(float(site.rows[0, 0]))
    assert site.rules(*codes) == set()
    answers = [site.run(code) for code in codes]
    one, other, both = (round_to(answer.whole, grid_step(np.abs(answer.blocks).sum(axis=0), POLICY.gram_grid))[0] for answer in answers)
    assert both - one - other == pytest.approx(site.rows[0, 1], abs=1e-5)
    # In one message the rule of leverage sees it.
    assert site.rules(lambda rows: np.concatenate([code(rows) for code in codes])) == {"span"}


def test_numbers_about_rows_with_a_missing_cell_are_outside_of_the_budget_of_the_job() -> None:
    n, n_subsets = 400, 90
    site = normal_site(n)
    site.rows[:, 4] = np.arange(n) < 80
    is_complete = site.rows[site.verification, 4] == 0
    verifier = Verifier(site.sizes, POLICY, 10, site.random, is_reviewed=True, is_complete=is_complete)
    code, chosen = subset_sums(n_subsets)
    sums: list[float] = []
    for first in range(0, n_subsets, 15):

        def some(rows: Values, first: int = first) -> Values:
            return (chosen(rows) * rows[:, [1]] * rows[:, [4]]).sum(axis=0)[first : first + 15]

        answer = site.run(some)
        assert verifier.check(("step", first), answer.whole, answer.blocks) == []
        verifier.accept(("step", first), answer.blocks)
        sums += answer.whole.tolist()
    assert verifier.n_spent == 0
    found = np.linalg.lstsq(chosen(site.rows[:80]).T, np.array(sums))[0]
    assert np.allclose(found, site.rows[:80, 1], atol=1e-6)
    # About complete rows, the same is counted.
    answer = site.run(code)
    assert verifier.check("complete", answer.whole, answer.blocks) == []
    verifier.accept("complete", answer.blocks)
    assert verifier.n_spent == n_subsets
