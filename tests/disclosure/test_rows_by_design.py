"""What passes every check on sums, because it is one: shown, measured, and said in `policies/README.md`."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from tests.disclosure.leaks_of_rows import POLICY, reconstruction, span_errors, subset_sums
from tests.sandbox.gate.verification.played import normal_site

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
