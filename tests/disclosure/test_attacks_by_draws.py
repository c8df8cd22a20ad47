"""A draw is a question too: imputed cells that central can tell apart show in the next Gram.

Sweeps by draws, loud draws, draws out of turn, start values far away.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.disclosure.people import AGES, CENTRE, DEFAULT, OFF, WIDTH, begun, count_people, isolated, middle_rates, people, polite, step_at
from tests.disclosure.played import Site, Values, part


def unseen() -> Values:
    """Ages of the people whose b is missing: what draws are about."""
    data = people()
    return data["age"][np.isnan(data["b"])]


def drawn_sums(played: Site, beta: list[float]) -> Values | None:
    """Draw b at coefficients, then ask an ordinary Gram: Σ over all rows of b × (age, b, intercept). None when refused."""
    played.moments("b")
    reply, _ = played.moments("y", played.draw("b", beta))
    return None if reply.refused is not None else part(reply, "moments", "XX")[1]


def test_a_sweep_of_steps_by_draws_counts_everybody_where_no_rule_is_on(site) -> None:
    played = begun(site, OFF, sweeps=100)
    sums = [drawn_sums(played, step_at(threshold, 1e4)) for threshold in np.append(AGES, 87) - 0.5]
    counts = -np.diff([found[2] for found in sums if found is not None])
    assert np.array_equal(np.round(counts), [(unseen() == age).sum() for age in AGES])
    assert len(isolated(unseen())) > 4


def test_a_sweep_of_steps_by_draws_is_refused_by_the_cap_and_fills_nothing(site) -> None:
    played = begun(site, DEFAULT, sweeps=100)
    before = part(played.moments("y")[0], "moments", "XX")
    played.moments("b")
    reply, entry = played.moments("y", played.draw("b", step_at(60.0, 1e4)))
    assert (reply.refused, reply.fields) == ("rule.draw_bounds", {})
    assert entry["rules"]["draw_bounds"] == "refuse"
    assert np.array_equal(part(played.moments("y")[0], "moments", "XX"), before)


def polite_counts(played: Site, cap: float, sweeps: int) -> Values:
    """Deconvolve the sums of drawn cells: each has the spread of its draws, so they are weighed by it."""
    z = (AGES - CENTRE) / WIDTH
    known = people()
    fixed = float(np.nansum(known["b"]))
    rows, answers, steps = [], [], []
    for beta in polite(cap * 0.999, sweeps, seed=9):
        sums = drawn_sums(played, beta)
        assert sums is not None
        p = 1 / (1 + np.exp(-(beta[0] * z + beta[2])))
        rows.append(p)
        answers.append(sums[2] - fixed)
        steps.append(np.sqrt((200 / len(AGES) * p * (1 - p)).sum()))
    return count_people(rows, answers, steps)


def test_a_polite_sweep_of_draws_within_the_cap_finds_no_more_than_a_guess(site) -> None:
    # The cap alone does it: within it a draw is no step, and each draw has numbers that central does not know.
    found, guessed = middle_rates(unseen(), polite_counts(begun(site, DEFAULT, sweeps=600), DEFAULT.max_abs_eta, 600))
    assert found <= guessed + 0.1, (found, guessed)


@pytest.mark.parametrize(("sigma", "is_refused"), [(1e-6, True), (0.5, False), (100.0, True)])
def test_a_draw_without_noise_or_with_too_much_is_refused(site, sigma: float, is_refused: bool) -> None:
    data = people()
    data["y"][np.isnan(data["b"])] = np.nan
    played = begun(site, DEFAULT, data=data)
    played.moments("y")
    reply, _ = played.moments("y", played.draw("y", [0.5, 0.0, 0.0], sigma))
    assert (reply.refused == "rule.draw_bounds") is is_refused


def test_two_draws_of_one_fit_and_more_draws_than_sweeps_are_refused(site) -> None:
    played = begun(site, DEFAULT, sweeps=2)
    draw = played.draw("b", [0.1, 0.0, 0.0])
    played.moments("b")
    reply, entry = played.moments("y", draw, draw)
    assert reply.refused == "rule.draw_schedule"
    assert entry["rules"]["draw_schedule"] == "refuse"
    assert played.moments("y", draw)[0].refused == "rule.draw_schedule"
    played.moments("b")
    assert played.moments("y", draw)[0].refused is None
    played.moments("b")
    assert played.moments("y", draw)[0].refused == "rule.draw_schedule", "a third draw in a job of two sweeps"


def test_start_values_far_away_end_the_gate(site) -> None:
    data = people()
    data["y"][np.isnan(data["b"])] = np.nan
    played = site(data, {"y": "continuous", "b": "binary"}, DEFAULT)
    with pytest.raises(AssertionError, match=r"GateFailed.*draw_bounds"):
        played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], mean=[CENTRE, 1e4, 0.5])


def run_again(site, slope: float, first: float = 1.0) -> Values:
    """Σ over all rows of b × (age, b, intercept) after two draws of b in a job of the same seed, contract and pair."""
    played = begun(site, DEFAULT)
    drawn_sums(played, [first, 0.0, 0.0])
    found = drawn_sums(played, [slope, 0.0, 0.0])
    assert found is not None
    return found


@pytest.mark.parametrize("other", [(1.0, 0.0), (0.0, 1.0)], ids=["this draw differs", "an earlier draw differs"])
def test_a_job_run_again_with_its_seed_and_a_slightly_different_draw_does_not_flip_single_rows(site, other: tuple[float, float]) -> None:
    same, again = run_again(site, 1.0), run_again(site, 1.0)
    assert np.array_equal(same, again), "the same questions have the same answers"
    # The probabilities differ by 1e-4: of two hundred cells with the same numbers under them, none or one would flip.
    # Three times, since many flips may add up to few by chance.
    different = [run_again(site, *(1.0 + step * which for which in other)) for step in (0.001, 0.002, 0.003)]
    assert max(float(np.abs(sums - same).max()) for sums in different) > 2.0, "many flipped, and which ones nobody knows"
