"""Central fixes the units of a job, and with them what floating point does to a row: attacks that live in the last bit.

Standardising is linear on paper. With a centre of 10¹⁸ years rounding makes it a step: young and old become two values; with a scale of
10³⁰⁸ years squares are 0, and so is the grid that sums are rounded to. Each attack first shows on plain numbers that it would work, then
what stops it where code sees rows. On a card units are a linear transformation of numbers that were made before: they tell nothing.
"""

from __future__ import annotations

import numpy as np
import pytest

from policies import disclosure
from sandbox.errors import Code
from sandbox.gate.guard import Refusal
from sandbox.rounds.constants import constants_from
from sandbox.wire.values import Record, floats
from tests.disclosure.people import CENTRE, DEFAULT, WIDTH, people
from tests.disclosure.played import Site, Values
from tests.disclosure.test_attacks_by_differences import TARGETS as WARD
from tests.disclosure.test_attacks_by_differences import ward, without

TARGETS = {"y": "continuous", "b": "binary"}


def one_centenarian() -> dict[str, Values]:
    """People of whom one is 101 years old, and a predictor that is 1 for everybody."""
    data = people()
    data["age"][7] = 101.0
    data["b"][7] = 1.0
    return {"one": np.ones(len(data["age"])), **data}


def refused(site: Site, centre: list[float], scale: list[float], mean: list[float] | None = None) -> Code:
    """The code with which these units are refused."""
    assert site.report.is_clean, site.codes
    with pytest.raises(Refusal) as caught:
        site.begin(centre, scale, mean)
    return caught.value.code


def test_a_centre_so_far_away_that_the_oldest_becomes_another_number_is_refused() -> None:
    data = one_centenarian()
    # Numbers near this centre are 128 apart: 101 is rounded to another one than everybody below 65 … 87.
    centre = 2.0**60 + 128.0 - 160.0
    z = (data["age"] - centre) / 128.0
    assert 1 < len(np.unique(z)) < 4
    assert refused(Site(data, TARGETS, DEFAULT), [0.0, centre, 0.0, 0.0], [1.0, 128.0, 1.0, 1.0]) is Code.RULE_UNITS


def test_a_scale_so_wide_that_squares_vanish_and_nothing_is_rounded_is_refused() -> None:
    data = one_centenarian()
    z = (data["age"] - CENTRE) / 1e308
    assert z.any()
    assert not (z * z).any()
    assert refused(Site(data, TARGETS, DEFAULT), [0.0, CENTRE, 0.0, 0.0], [1.0, 1e308, 1.0, 1.0]) is Code.RULE_UNITS


def test_units_that_overflow_are_refused_and_start_values_far_away_too() -> None:
    data = people()
    data["y"][np.isnan(data["b"])] = np.nan
    with np.errstate(all="ignore"):  # as in a gate
        assert refused(Site(data, TARGETS, DEFAULT), [0.0] * 3, [1e-320] * 3) is Code.RULE_UNITS
    usual, far = ([CENTRE, start, 0.5] for start in (9.9, 10.1))
    Site(data, TARGETS, DEFAULT).begin([CENTRE, 0.0, 0.0], [WIDTH, 1.0, 1.0], usual)
    assert refused(Site(data, TARGETS, DEFAULT), [CENTRE, 0.0, 0.0], [WIDTH, 1.0, 1.0], far) is Code.RULE_UNITS


def co_missing() -> dict[str, Values]:
    """Three targets, y and v each missing for forty people and both for one; that group is no difference group."""
    return without(ward(), y=range(40), v=range(39, 79))


def age_in_a_cross_product(played: Site, of_y: float, of_v: float) -> float:
    """Σ y v in the Gram of w after y was filled as a line of age and v as a constant."""
    played.moments("y")
    played.moments("v")
    played.fill("y", [of_y, 0.0, 0.0, 0.0, 0.0], 0.01)
    played.fill("v", [0.0, 0.0, 0.0, 0.0, of_v], 0.01)
    return float(played.moments("w")["XX"][2, 3])


def test_a_scale_beside_which_observed_cells_vanish_would_tell_the_age_of_the_one_who_misses_two_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    centre, scale = [60.0, 5.0, 11.0, 11.0, 11.0], [9.0, 1.0, 1e40, 1e40, 1.0]
    assert refused(Site(co_missing(), WARD, DEFAULT), centre, scale) is Code.RULE_UNITS
    monkeypatch.setattr(disclosure, "MIN_DRAWN", 0.0)
    played = Site(co_missing(), WARD, DEFAULT, sweeps=20)
    played.begin(centre, scale)
    found = np.mean([age_in_a_cross_product(played, 2.25, 9.9) for _ in range(20)])
    assert 60 + 9 * found / 2.25 / 9.9 == pytest.approx(ward()["age"][39], abs=0.1), "one number, and what it is about one person"


@pytest.mark.parametrize(("scale", "away"), [(1e5, 1.0), (100.0, 0.0)], ids=["all observed cells are 1", "and one in a hundred"])
def test_observed_cells_that_hardly_vary_beside_imputed_ones_would_tell_it_in_one_gram(
    monkeypatch: pytest.MonkeyPatch, scale: float, away: float
) -> None:
    middle = 11.0 - away * scale
    units = [60.0, 5.0, middle, middle, 11.0], [9.0, 1.0, scale, scale, 1.0], [60.0, 5.0, 11.0, 11.0, 11.0]
    assert refused(Site(co_missing(), WARD, DEFAULT), *units) is Code.RULE_UNITS
    monkeypatch.setattr(disclosure, "MIN_DRAWN", 0.0)
    played = Site(co_missing(), WARD, DEFAULT)
    played.begin(*units)
    played.moments("y")
    played.moments("v")
    played.fill("y", [0.9, 0.0, 0.0, 0.0, away], 0.01)
    played.fill("v", [0.0, 0.0, 0.0, 0.0, 8.9 + away], 0.01)
    XX = played.moments("w")["XX"]
    found = XX[2, 3] - away * (XX[2, 4] + XX[3, 4]) + away**2 * XX[4, 4]
    assert 60 + 9 * found / 8.9 / 0.9 == pytest.approx(ward()["age"][39], abs=0.5)


def test_units_that_come_from_margins_pass_however_different_the_sites_are() -> None:
    played = Site(people(), TARGETS, DEFAULT)
    parts = played.margins().parts
    n, total, squares = (np.asarray(parts[name], np.float64).tolist() for name in ("n", "total", "total_squares"))
    here: Record = {"n": floats(n), "total": floats(total), "total_squares": floats(squares)}
    elsewhere: Record = {
        "n": floats(n),
        "total": floats([*(1e6 * number for number in total[:2]), total[2]]),
        "total_squares": floats([*(1e12 * number for number in squares[:2]), total[2]]),
    }
    played.begin_in(constants_from([here, elsewhere], played.contract))
