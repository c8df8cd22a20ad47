"""Central asks at coefficients of its choice: sweeps of thresholds, impolite and polite, by questions and by draws.

Each attack is played twice: where the rules are off it succeeds (the control), under `default` a rule by name stops it, or what it finds is
no better than a guess.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from policies import Policy
from tests.disclosure.people import AGES, CENTRE, DEFAULT, OFF, WIDTH, begun, count_people, isolated, middle_rates, people, polite, step_at
from tests.disclosure.played import Site, Values, part


def test_a_sweep_of_steps_by_questions_reads_single_people_where_no_rule_is_on(site) -> None:
    data = people()
    seen = ~np.isnan(data["b"])
    played = begun(site, OFF)
    gradients = []
    for threshold in np.append(AGES, 87) - 0.5:
        reply, _ = played.score("b", step_at(threshold, 1e4))
        gradients.append(part(reply, "score", "g"))
    # Σ (y − p) x changes, from one threshold to the next, by the rows of one age.
    between = np.diff(gradients, axis=0)
    alone = isolated(data["age"][seen])
    assert len(alone) >= 3
    for age in alone:
        found = between[int(age - AGES[0])]
        row = np.flatnonzero(seen & (data["age"] == age))[0]
        assert found[2] == pytest.approx(1.0)
        assert found[1] / found[2] == pytest.approx(data["y"][row], abs=1e-6)


def test_a_sweep_of_steps_by_questions_is_refused_by_the_cap(site) -> None:
    played = begun(site, DEFAULT)
    reply, entry = played.score("b", step_at(60.0, 1e4))
    assert (reply.refused, reply.fields) == ("rule.eta", {})
    assert entry["rules"]["eta"] == "refuse"
    for _ in range(DEFAULT.refusal_budget):
        reply, _ = played.score("b", step_at(60.0, 1e4))
    assert reply.refused == "rule.refusal_budget"


def test_a_question_about_a_few_rows_is_refused_by_the_floor(site) -> None:
    played = begun(site, DEFAULT)
    reply, entry = played.score("b", [0.0, 0.0, 9.9])
    assert reply.refused == "rule.weight_sum"
    assert entry["rules"]["weight_sum"] == "refuse"


def test_more_questions_than_a_fit_needs_are_refused(site) -> None:
    played = begun(site, DEFAULT)
    codes = [played.score("b", [0.1, 0.0, 0.01 * number])[0].refused for number in range(26)]
    assert codes == [None] * 25 + ["rule.evaluations"]


def polite_counts(played: Site, policy: Policy, questions: int) -> Values:
    z = (AGES - CENTRE) / WIDTH
    rows, answers, steps = [], [], []
    cap = min(policy.max_abs_eta, 30.0)
    for number, beta in enumerate(polite(cap * 0.999, questions, seed=8)):
        # A draw after every 25 questions: the count of questions starts anew.
        reply, _ = played.score("b", beta, *([played.draw("b", [0.0, 0.0, 0.0])] if number % 25 == 0 and number else []))
        if reply.refused is not None:
            continue
        H = part(reply, "score", "H")
        p = 1 / (1 + np.exp(-(beta[0] * z + beta[2])))
        w = p * (1 - p)
        grid = max(policy.score_grid, 1e-14)
        for first, second, moment in ((2, 2, w), (0, 2, w * z), (0, 0, w * z * z)):
            rows.append(moment)
            answers.append(H[first, second])
            steps.append(grid * np.sqrt(H[first, first] * H[second, second]))
    return count_people(rows, answers, steps)


def ages_seen() -> Values:
    data = people()
    return data["age"][~np.isnan(data["b"])]


def test_a_polite_sweep_counts_the_people_of_each_age_where_only_a_wide_cap_is_on(site) -> None:
    found, guessed = middle_rates(ages_seen(), polite_counts(begun(site, OFF, sweeps=100), OFF, 1500))
    assert found > 0.5
    assert guessed < 0.2


def test_a_polite_sweep_within_the_caps_of_default_finds_no_more_than_a_guess(site) -> None:
    found, guessed = middle_rates(ages_seen(), polite_counts(begun(site, DEFAULT, sweeps=100), DEFAULT, 1500))
    assert found <= guessed, (found, guessed)


def crossed(n: int = 600) -> tuple[dict[str, Values], int]:
    """People with three binary columns, and the only one of whom all three are 1; every table of two of the columns has large cells."""
    random = np.random.default_rng(0)
    flags = (random.random((n, 3)) < 0.5).astype(float)
    alone, *others = np.flatnonzero(flags.all(axis=1))
    flags[others, np.array(others) % 3] = 0.0
    outcome = (random.random(n) < 0.5).astype(float)
    outcome[[row for row in range(80) if row != alone]] = np.nan
    return {**{f"b{place}": flags[:, place] for place in range(3)}, "age": np.round(random.normal(60, 9, n)), "t": outcome}, int(alone)


def test_polite_questions_on_crossed_levels_pass_by_design_and_tell_the_age_of_the_only_one_with_all_three(site) -> None:
    # H = Σ w z z' with one weight per combination of levels: as many questions as combinations, and the sums of each are solved for.
    data, alone = crossed()
    played = site(data, {"t": "binary"}, DEFAULT)
    # The site is told before it presses Start.
    assert played.codes == ["rule.combination"]
    played.begin(centre=[0.0, 0.0, 0.0, 60.0, 0.0], scale=[1.0, 1.0, 1.0, 9.0, 1.0], mean=[0.5, 0.5, 0.5, 60.0, 0.5])
    levels = np.array(np.meshgrid(*[[0, 1]] * 3, indexing="ij")).reshape(3, -1).T
    random, weights, answers = np.random.default_rng(1), [], []
    played.moments("t")
    while len(answers) < 16:
        beta, start = 1.5 * random.normal(size=3), random.normal()
        p = 1 / (1 + np.exp(-(levels @ beta + start)))
        if np.abs(levels @ beta + start).max() > 5:
            continue
        H = part(played.score("t", [*beta, 0.0, start])[0], "score", "H")
        weights.append(p * (1 - p))
        answers.append(H[[3, 4], 4])
    age, count = np.linalg.lstsq(np.array(weights), np.array(answers))[0][levels.all(axis=1)][0]
    assert count == pytest.approx(1, abs=0.01)
    assert 60 + 9 * age / count == pytest.approx(data["age"][alone], abs=0.2)


def test_files_with_small_combinations_are_not_asked_under_whole_tables(site) -> None:
    policy = msgspec.structs.replace(DEFAULT, whole_tables=True)
    data, alone = crossed()
    stopped = site(data, {"t": "binary"}, policy).report
    assert [(finding.code.value, finding.severity) for finding in stopped.findings] == [("rule.combination", "stop")]
    # Without that one person nobody is in a small combination, and a continuous target has no questions.
    rest = {name: np.delete(values, alone) for name, values in data.items()}
    assert site(rest, {"t": "binary"}, policy).report.findings == ()
    assert site(data, {"t": "continuous"}, policy).report.findings == ()
