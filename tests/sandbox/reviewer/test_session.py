"""A reviewer's site is one real gate with its worker, locked in: what it answers, what it refuses, and what goes on over uploads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from policies import built_in
from sandbox.errors import InputError
from sandbox.reviewer.session import Session
from tests.sandbox.reviewer.conftest import JOBS, MANY, ONE, NewSite, people, write

CENTRES, SCALES, STARTS = [60.0, 0.5, 0.0, 0.0], [9.0, 1.0, 1.0, 1.0], [60.0, 0.5, 0.0, 0.5]
"""Of age, sex, lab and event."""


def begun(site: Session) -> Session:
    site.constants()
    site.begin(CENTRES, SCALES, STARTS)
    return site


def test_roles_types_and_levels_are_what_central_would_make_of_the_file(new_site: NewSite) -> None:
    found = [(c.index, c.name, c.role, c.type, c.levels) for c in new_site().columns]
    assert found == [
        (1, "patient", "ignored", None, None),
        (2, "age", "predictor", None, None),
        (3, "sex", "predictor", None, None),
        (4, "lab", "target", "continuous", None),
        (5, "event", "target", "binary", ("0", "1")),
    ]


def test_constants_are_the_sums_of_the_file_in_raw_units(new_site: NewSite) -> None:
    data, site = people(), new_site()
    found = site.constants()
    model = [data[name] for name in ("age", "sex", "lab", "event")]
    assert found["n"].tolist() == [np.isfinite(column).sum() for column in model]
    np.testing.assert_allclose(found["total"], [np.nansum(column) for column in model])
    np.testing.assert_allclose(found["total_squares"], [np.nansum(column**2) for column in model])
    assert (site.questions, site.refusals) == (0, 0)


def test_a_score_is_that_of_the_rows_in_the_units_that_were_fixed(new_site: NewSite) -> None:
    site = new_site("SIMI", job=ONE + 'lab = "ignored"\n')
    site.begin([60.0, 0.5, 0.0], [9.0, 1.0, 1.0], [60.0, 0.5, 0.5])
    data, beta = people(), np.array([0.4, -0.2, 0.1])
    shown = np.isfinite(data["event"])
    X = np.column_stack([(data["age"] - 60) / 9, data["sex"] - 0.5, np.ones(len(shown))])[shown]
    p = 1 / (1 + np.exp(-X @ beta))
    found = site.ask("score", target="event", beta=beta)["score"]
    np.testing.assert_allclose(found["g"], X.T @ (data["event"][shown] - p), atol=1e-9)
    np.testing.assert_allclose(found["H"], (X.T * (p * (1 - p))) @ X, rtol=1e-9, atol=1e-9)
    assert found["n"] == shown.sum()


QUESTIONS: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    "SIMICE": [("moments", {"target": "lab"}, "XX"), ("score", {"target": "event", "beta": [0.1] * 4}, "H")],
    "AVGMMICE": [("fit_continuous", {"target": "lab", "ridge": 0}, "beta"), ("fit_binary", {"target": "event", "ridge": 0.1}, "beta")],
    "CSLMICE": [("gradient_binary", {"target": "event", "beta": np.zeros(4)}, "g")],
    "SIMI": [("score", {"target": "event", "beta": (0.1, 0.0, 0.0, 0.0)}, "g")],
    "HDMI": [("score_binary", {"target": "event", "exclusion": "sex", "theta": np.zeros(9)}, "H")],
}


@pytest.mark.parametrize("policy", ["research", "default"])
@pytest.mark.parametrize("pair", QUESTIONS)
def test_every_bundled_pair_answers_by_name_as_by_index(new_site: NewSite, pair: str, policy: str) -> None:
    site = begun(new_site(pair, policy))
    index = {column.name: column.index for column in site.columns}
    for step, request, part in QUESTIONS[pair]:
        (answer,) = site.ask(step, **request).values()
        by_index = {name: index[value] if isinstance(value, str) else value for name, value in request.items()}
        (again,) = site.ask(step, **by_index).values()
        assert np.isfinite(answer[part]).all()
        assert answer[part].size > 1
        np.testing.assert_array_equal(answer[part], again[part])
    if policy == "research":
        assert (site.questions, site.refusals) == (2 * len(QUESTIONS[pair]), 0)


def test_a_tell_reaches_a_site_that_answers_exactly_and_changes_nothing_there(new_site: NewSite) -> None:
    site, zero = begun(new_site()), np.zeros(4)
    before = site.ask("score", target="event", beta=zero)["score"]["H"]
    site.ask("moments", target="lab")
    site.tell("impute_continuous", target="lab", beta=zero, sigma=1.0)
    assert site.questions == 3
    np.testing.assert_array_equal(site.ask("score", target="event", beta=zero)["score"]["H"], before)


def test_the_same_secret_states_the_same_and_another_one_does_not(new_site: NewSite) -> None:
    def stated(secret: str) -> list[Any]:
        return [part["values"].tolist() for part in begun(new_site(policy="default", secret=secret)).card]

    first = stated("a")
    assert first == stated("a")
    assert first != stated("b")


def test_a_refusal_has_the_rule_as_its_code_and_counts_and_the_site_goes_on(new_site: NewSite) -> None:
    site, zero = begun(new_site(policy="research")), [0.0] * 4
    with pytest.raises(site.Refused) as caught:
        site.ask("score", target="event", beta=[np.nan, 0.0, 0.0, 0.0])
    assert caught.value.code == "rule.not_finite"
    for request in ({"target": "age", "beta": zero}, {"target": "event"}, {"target": "event", "beta": [0.0] * 9}):
        with pytest.raises(site.Refused) as caught:
            site.ask("score", **request)
        assert caught.value.code == "rule.undeclared"
    with pytest.raises(site.Refused):
        site.ask("no_such_step")
    assert (site.questions, site.refusals) == (5, 5)
    site.ask("score", target="event", beta=zero)
    assert (site.questions, site.refusals) == (6, 5)


def test_a_site_that_stated_its_card_is_asked_for_one_common_point_and_nothing_more(new_site: NewSite) -> None:
    site = begun(new_site(policy="default"))
    site.ask("moments", target="lab")
    assert site.questions == 0
    assert "point" not in {part["what"] for part in site.card}
    first = site.ask("score", target="event", beta=[0.2, 0.0, 0.1, -0.3])
    assert site.questions == 1
    (gradient,) = (part for part in site.card if (part["what"], part["part"]) == ("point", "gradient"))
    assert gradient["target"] == "event"
    assert len(gradient["point"]) == gradient["values"].size == 4
    for scale in (0.0, 0.1, 5.0):
        site.ask("score", target="event", beta=np.full(4, scale))
    again = site.ask("score", target="event", beta=[0.2, 0.0, 0.1, -0.3])
    np.testing.assert_array_equal(first["score"]["g"], again["score"]["g"])
    site.tell("impute_binary", target="event", beta=np.zeros(4))
    assert (site.questions, site.refusals) == (1, 0)


def test_a_policy_without_points_answers_everything_from_the_card(new_site: NewSite) -> None:
    site = begun(new_site(policy=msgspec.structs.replace(built_in("default"), name="no points", points="none")))
    assert site.ask("score", target="event", beta=np.zeros(4))["score"]["n"] > 0
    assert site.questions == 0
    assert {part["what"] for part in site.card} == {"card", "fit"}


def test_what_the_card_cannot_answer_is_refused_with_a_code(new_site: NewSite) -> None:
    site = begun(new_site(policy="default"))
    for step, request in (("score", {"target": "event"}), ("no_such_step", {}), ("moments", {"target": "age"})):
        with pytest.raises(site.Refused) as caught:
            site.ask(step, **request)
        assert caught.value.code == "rule.undeclared"
    assert (site.questions, site.refusals) == (0, 0)


def test_units_are_fixed_once_per_upload_and_before_the_first_question(new_site: NewSite, table: Path) -> None:
    site = new_site()
    with pytest.raises(RuntimeError):
        site.ask("moments", target="lab")
    with pytest.raises(ValueError, match="4 columns"):
        site.begin([0.0], [1.0], [0.0])
    with pytest.raises(ValueError, match="no column"):
        begun(site).ask("moments", target="nobody")
    with pytest.raises(RuntimeError):
        begun(site)
    site.upload(table)
    begun(site)
    assert site.questions == 0


def test_units_in_which_no_card_can_be_read_end_the_job_until_the_next_upload(new_site: NewSite, table: Path) -> None:
    site = new_site(policy="default")
    with pytest.raises(site.Refused) as caught:
        site.begin([1e12] * 4, [1e-12] * 4, STARTS)
    with pytest.raises(site.Refused) as again:
        site.constants()
    assert again.value.code == caught.value.code
    site.upload(table)
    assert begun(site).ask("moments", target="lab")


def test_a_stop_raises_and_the_report_is_the_owners(new_site: NewSite, tmp_path: Path) -> None:
    site = new_site(policy="default")
    assert site.report is None
    with pytest.raises(site.Refused) as caught:
        site.upload(write(tmp_path / "few.csv", people(40)))
    stops = [found for found in site.report or [] if found["severity"] == "stop"]
    assert stops
    assert all(found.keys() == {"code", "column", "severity"} for found in stops)
    assert caught.value.code == stops[0]["code"]
    with pytest.raises(site.Refused) as again:
        site.constants()
    assert again.value.code == caught.value.code


def test_a_file_that_central_could_make_no_contract_of_is_a_stop(new_site: NewSite, tmp_path: Path) -> None:
    site = new_site()
    lines = write(tmp_path / "text.csv", people()).read_text().replace(",NA\n", ",maybe\n")
    (tmp_path / "text.csv").write_text(lines)
    with pytest.raises(site.Refused) as caught:
        site.upload(tmp_path / "text.csv")
    assert caught.value.code == "data.levels"
    assert site.columns == ()


def test_another_upload_may_have_other_columns_and_another_job(new_site: NewSite, tmp_path: Path) -> None:
    site, job = new_site(), tmp_path / "other.toml"
    wider = {**people(), "weight": np.arange(400.0) % 37}
    job.write_text(MANY.replace('patient = "ignored"', 'sex = "ignored"'), encoding="utf-8")
    site.upload(write(tmp_path / "wider.csv", wider), job)
    assert {c.name: c.role for c in site.columns}["weight"] == "predictor"
    assert {c.name: c.role for c in site.columns}["sex"] == "ignored"
    # The job leaves it open what patient is: it numbers the rows.
    assert {c.name: (c.role, c.type) for c in site.columns}["patient"] == ("ignored", "id")
    assert site.constants()["n"].size == 4
    site.upload(tmp_path / "wider.csv")
    assert {c.name: c.role for c in site.columns}["sex"] == "ignored"


def state_versions(site: Session, folder: Path, number: int, first: int = 0) -> None:
    """Upload versions of one file, 25 rows shorter each, and have each stated."""
    for version in range(first, first + number):
        whole = people(600)
        site.upload(write(folder / "version.csv", {name: column[: 600 - 25 * version] for name, column in whole.items()}))
        begun(site)


def test_the_life_of_a_file_goes_on_over_uploads_and_ends_with_its_site(new_site: NewSite, tmp_path: Path) -> None:
    limit = built_in("default").max_versions
    site = new_site(policy="default")
    state_versions(site, tmp_path, limit)
    with pytest.raises(site.Refused) as caught:
        state_versions(site, tmp_path, 1, first=limit)
    assert [found["code"] for found in site.report or [] if found["severity"] == "stop"] == [caught.value.code]
    # Another site has not seen the file: there the same version is the first.
    state_versions(new_site(policy="default"), tmp_path, 1, first=limit)


def test_every_process_has_ended_after_the_site(new_site: NewSite, table: Path) -> None:
    with begun(new_site()) as site:
        pids = [child.pid for child in site._served._participant.processes]  # type: ignore[union-attr]
        assert len(pids) == 2
        site.upload(table)
        pids += [child.pid for child in site._served._participant.processes]  # type: ignore[union-attr]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_job_that_does_not_suit_the_pair_is_an_error_and_no_refusal(new_site: NewSite, table: Path, tmp_path: Path) -> None:
    site, job = new_site("SIMI"), tmp_path / "many.toml"
    job.write_text(JOBS["SIMICE"], encoding="utf-8")
    with pytest.raises(InputError):
        site.upload(table, job)
