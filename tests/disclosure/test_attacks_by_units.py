"""Central fixes the units of a job, and with them what floating point does to a row: attacks that live in the last bit.

Standardising is linear on paper. With a centre of 10¹⁸ years, or terms of 10¹⁷ that cancel, rounding makes it a step: young and old become
two values, inside every cap; with a scale of 10³⁰⁸ years squares are 0, and so is the grid that sums are rounded to. Each attack first
shows on plain numbers that it would work, then what stops it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from policies import disclosure
from sandbox.rounds.constants import constants_from
from sandbox.wire.messages import Acknowledged, Begin, ChainReply, Constants, GateFailed, RunRound, StepCall
from sandbox.wire.values import Record, floats
from tests.disclosure.people import CENTRE, DEFAULT, WIDTH, people
from tests.disclosure.played import Site, Values, honest, part
from tests.disclosure.test_attacks_by_differences import TARGETS as WARD
from tests.disclosure.test_attacks_by_differences import ward, without
from tests.one_chain import asks

TARGETS = {"y": "continuous", "b": "binary"}


def one_centenarian() -> dict[str, Values]:
    """People of whom one is 101 years old, and a predictor that is 1 for everybody."""
    data = people()
    data["age"][7] = 101.0
    data["b"][7] = 1.0
    return {"one": np.ones(len(data["age"])), **data}


def begin(site: Callable[..., Site], data: dict[str, Values], centre: list[float], scale: list[float]) -> object:
    """The gate's answer to these units."""
    played = site(data, TARGETS, DEFAULT)
    assert played.report.is_clean, played.codes
    gate = played._gate
    assert gate.attach(honest) == Acknowledged()
    gate.ask(RunRound(0, asks(StepCall("margins"))))
    return gate.ask(Begin(Constants(floats(centre), floats(scale), floats([*centre[:3], 0.5]))))


def test_a_centre_so_far_away_that_the_oldest_becomes_another_number_is_refused(site) -> None:
    data = one_centenarian()
    # Numbers near this centre are 128 apart: 101 is rounded to another one than everybody below 65 … 87.
    centre = 2.0**60 + 128.0 - 160.0
    z = (data["age"] - centre) / 128.0
    assert 1 < len(np.unique(z)) < 4
    answer = begin(site, data, [0.0, centre, 0.0, 0.0], [1.0, 128.0, 1.0, 1.0])
    assert isinstance(answer, GateFailed)
    assert answer.code == "rule.units"


def test_a_scale_so_wide_that_squares_vanish_and_nothing_is_rounded_is_refused(site) -> None:
    data = one_centenarian()
    z = (data["age"] - CENTRE) / 1e308
    assert z.any()
    assert not (z * z).any()
    answer = begin(site, data, [0.0, CENTRE, 0.0, 0.0], [1.0, 1e308, 1.0, 1.0])
    assert isinstance(answer, GateFailed)
    assert answer.code == "rule.units"


def co_missing() -> dict[str, Values]:
    """Three targets, y and v each missing for forty people and both for one; that group is no difference group."""
    return without(ward(), y=range(40), v=range(39, 79))


def age_in_a_cross_product(played: Site, of_y: float, of_v: float) -> float:
    """Σ y v in the Gram of w after y was drawn as a line of age and v as a constant."""
    played.moments("y")
    played.moments("v")
    draws = played.draw("y", [of_y, 0.0, 0.0, 0.0, 0.0], 0.01), played.draw("v", [0.0, 0.0, 0.0, 0.0, of_v], 0.01)
    return float(part(played.moments("w", *draws)[0], "moments", "XX")[2, 3])


def test_a_scale_beside_which_observed_cells_vanish_would_tell_the_age_of_the_one_who_misses_two_targets(site, monkeypatch) -> None:
    units = {"centre": [60.0, 5.0, 11.0, 11.0, 11.0], "scale": [9.0, 1.0, 1e40, 1e40, 1.0]}
    with pytest.raises(AssertionError, match=r"GateFailed.*units"):
        site(co_missing(), WARD, DEFAULT).begin(**units)
    monkeypatch.setattr(disclosure, "MIN_DRAWN", 0.0)
    played = site(co_missing(), WARD, DEFAULT, sweeps=20)
    played.begin(**units)
    found = np.mean([age_in_a_cross_product(played, 2.25, 9.9) for _ in range(20)])
    assert 60 + 9 * found / 2.25 / 9.9 == pytest.approx(ward()["age"][39], abs=0.1), "one number, and what it is about one person"


@pytest.mark.parametrize(("scale", "away"), [(1e5, 1.0), (100.0, 0.0)], ids=["all observed cells are 1", "and one in a hundred"])
def test_observed_cells_that_hardly_vary_beside_imputed_ones_would_tell_it_in_one_gram(
    site, monkeypatch, scale: float, away: float
) -> None:
    centre = 11.0 - away * scale
    units = {"centre": [60.0, 5.0, centre, centre, 11.0], "scale": [9.0, 1.0, scale, scale, 1.0], "mean": [60.0, 5.0, 11.0, 11.0, 11.0]}
    with pytest.raises(AssertionError, match=r"GateFailed.*units"):
        site(co_missing(), WARD, DEFAULT).begin(**units)
    monkeypatch.setattr(disclosure, "MIN_DRAWN", 0.0)
    played = site(co_missing(), WARD, DEFAULT)
    played.begin(**units)
    played.moments("y")
    played.moments("v")
    draws = played.draw("y", [0.9, 0.0, 0.0, 0.0, away], 0.01), played.draw("v", [0.0, 0.0, 0.0, 0.0, 8.9 + away], 0.01)
    XX = part(played.moments("w", *draws)[0], "moments", "XX")
    found = XX[2, 3] - away * (XX[2, 4] + XX[3, 4]) + away**2 * XX[4, 4]
    assert 60 + 9 * found / 8.9 / 0.9 == pytest.approx(ward()["age"][39], abs=0.5)


def step_of_rounding(data: dict[str, Values]) -> tuple[list[float], Values]:
    """Coefficients (one, age, y, intercept) whose terms cancel but for the rounding of everything below 95, and what they make of rows."""
    z = (data["age"] - CENTRE) / WIDTH
    # Numbers near this one are 16 apart: what is added to it counts as 16 from 8 on, and not at all below.
    large = 1.5 * 2.0**56
    slope = 8.0 / ((95.0 - CENTRE) / WIDTH)
    return [large, slope, 0.0, -large], (large + slope * z) - large


def test_terms_that_cancel_are_a_step_between_two_people_within_the_cap(site) -> None:
    data = one_centenarian()
    _, eta = step_of_rounding(data)
    assert np.flatnonzero(eta).tolist() == [7]
    assert eta[7] / 2 < DEFAULT.max_abs_eta


def begun(site: Callable[..., Site], data: dict[str, Values]) -> Site:
    played = site(data, TARGETS, DEFAULT)
    played.begin(centre=[0.0, CENTRE, 0.0, 0.0], scale=[1.0, WIDTH, 1.0, 1.0])
    return played


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_a_question_whose_terms_cancel_is_refused(site, factor: float) -> None:
    data = one_centenarian()
    beta, _ = step_of_rounding(data)
    reply, entry = begun(site, data).score("b", [factor * number for number in beta])
    assert reply.refused == "rule.eta"
    assert entry["rules"]["eta"] == "refuse"


def test_a_draw_whose_terms_cancel_is_refused(site) -> None:
    data = one_centenarian()
    data["b"][7] = np.nan
    beta, _ = step_of_rounding(data)
    played = begun(site, data)
    played.moments("b")
    reply, entry = played.moments("y", played.draw("b", [0.5 * number for number in beta]))
    assert reply.refused == "rule.draw_bounds"
    assert entry["rules"]["draw_bounds"] == "refuse"


def test_units_that_come_from_margins_pass_however_different_the_sites_are(site) -> None:
    data = people()
    played = site(data, TARGETS, DEFAULT)
    margins = played_margins(played)
    elsewhere = {
        "n": margins["n"],
        "total": floats([*(1e6 * number for number in margins["total"].numbers()[:2]), margins["total"].numbers()[2]]),
        "total_squares": floats([*(1e12 * number for number in margins["total_squares"].numbers()[:2]), margins["total"].numbers()[2]]),
    }
    assert played._gate.ask(Begin(constants_from([margins, elsewhere], played.contract))) == Acknowledged()


def played_margins(played: Site) -> Record:
    assert played._gate.attach(honest) == Acknowledged()
    reply, _ = played._round(0, StepCall("margins"))
    assert isinstance(reply, ChainReply)
    return reply.fields["margins"]
