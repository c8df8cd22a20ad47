"""Central asks about a selection model at coefficients of its choice: all rows in a tail, where a sum is about the one least far out.

The terms by the correlation fall as exp(−A²/2), so that with A from 10 to 30 along a line one person makes up a column of H, and divided by
its last entry that column is this person's row of predictors. Played where the rules are off (the control) and under `default`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from policies import Policy
from sandbox.manifest import load_pair
from sandbox.wire.messages import CallStep, KernelCall, StepCall, StepDone
from sandbox.wire.values import floats
from tests.disclosure.people import DEFAULT, OFF
from tests.disclosure.played import Site, Values, part

HDMI = load_pair(Path(__file__).parents[2] / "algorithms" / "HDMI")
CENTRE = {"age": 60.0, "bmi": 26.0, "sbp": 134.0, "chol": 5.2, "sex": 0.0, "dist": 20.0, "y": 5.6}
SCALE = {"age": 12.0, "bmi": 4.0, "sbp": 16.0, "chol": 1.0, "sex": 1.0, "dist": 6.0, "y": 1.3}
DIGITS = (0, 1, 0, 2, 0, 1)
"""Of each predictor, as it is recorded."""
TAU = 2.5
HIGHEST = 19.5
QUESTIONS = 25


def people(kind: str, n: int, seed: int) -> dict[str, Values]:
    random = np.random.default_rng(seed)
    age, sex = np.round(random.normal(60, 12, n)), (random.random(n) < 0.5).astype(float)
    bmi, sbp = np.round(random.normal(26, 4, n), 1), np.round(random.normal(110, 15, n) + 0.4 * age)
    chol, dist = np.round(random.normal(5.2, 1, n), 2), np.round(random.normal(20, 6, n), 1)
    y = np.round(0.05 * age + 0.1 * bmi + random.normal(size=n), 2)
    if kind == "binary":
        y = (y > np.median(y)).astype(float)
    y[random.random(n) < 0.2] = np.nan
    return {"age": age, "bmi": bmi, "sbp": sbp, "chol": chol, "sex": sex, "dist": dist, "y": y}


def honest(call: CallStep) -> StepDone:
    target, theta, exclusion = (call.request[name] for name in ("target", "theta", "exclusion"))
    family = "gaussian" if call.step == "score_continuous" else "binomial"
    return StepDone((KernelCall("selection_score", target, family, theta=theta, exclusion=exclusion),), {"score": 0})


def tails(kind: str, lowest: float) -> Iterator[Values]:
    """Questions that lay the arguments of most rows between `lowest` and what the cap allows, along lines in random directions."""
    random = np.random.default_rng(9)
    slope, middle = (HIGHEST - lowest) / 8, (HIGHEST + lowest) / 2
    for _ in range(QUESTIONS):
        line = np.append(random.normal(size=4), 0.3 * random.normal())
        weight = np.sqrt((line[:4] ** 2).sum() + 0.3**2)
        line /= weight
        offset = -0.5 * line[4]
        if kind == "continuous":
            along_y = 0.3 / weight
            sigma = np.sinh(TAU) / (slope * along_y)
            beta = -sigma * slope * np.append(line, offset + middle / slope) / np.sinh(TAU)
            yield np.concatenate([np.zeros(7), beta, [np.log(sigma), TAU]])
        else:
            gamma = np.concatenate([-slope * line, [0.0, middle - slope * offset]]) / np.cosh(TAU)
            yield np.concatenate([gamma, np.zeros(6), [0.0, TAU]])


def asked(site, policy: Policy, kind: str, data: dict[str, Values], lowest: float) -> tuple[list[str], int]:
    """The refusals, and how many answers told a whole person exactly, all six predictors."""
    parameters = {"exclusion": "dist"}
    played: Site = site(data, {"y": kind}, policy, pair=HDMI, parameters=parameters)
    scale = {**SCALE, "y": 1.0} if kind == "binary" else SCALE
    centre = {**CENTRE, "y": 0.0} if kind == "binary" else CENTRE
    played.begin(centre=list(centre.values()), scale=list(scale.values()), worker=honest)
    shown = np.column_stack([data[name] for name in list(CENTRE)[:6]])[~np.isnan(data["y"])]
    refused, n_told = [], 0
    for theta in tails(kind, lowest):
        reply, _ = played.ask(StepCall(f"score_{kind}", {"target": 7, "exclusion": 6, "theta": floats(theta)}))
        if reply.refused is not None:
            refused.append(reply.refused)
            continue
        column = part(reply, "score", "H")[:7, -1]
        row = column[:6] / column[6] * list(SCALE.values())[:6] + list(CENTRE.values())[:6]
        guess = np.array([round(float(value), digits) for value, digits in zip(row, DIGITS, strict=True)])
        n_told += bool((np.abs(shown - guess) < 1e-9).all(axis=1).any())
    return refused, n_told


@pytest.mark.parametrize("kind", ["continuous", "binary"])
def test_a_selection_model_with_all_rows_in_a_tail_tells_whole_people_where_no_rule_is_on(site, kind: str) -> None:
    refused, n_told = asked(site, OFF, kind, people(kind, 600, 1), 8.0)
    assert refused == []
    assert n_told >= 5


@pytest.mark.parametrize("kind", ["continuous", "binary"])
def test_a_selection_model_with_all_rows_in_a_tail_is_refused(site, kind: str) -> None:
    refused, n_told = asked(site, DEFAULT, kind, people(kind, 600, 1), 8.0)
    assert n_told == 0
    assert refused[0] == "rule.weight_sum"
    assert len(refused) == QUESTIONS


@pytest.mark.parametrize("kind", ["continuous", "binary"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_as_far_into_a_tail_as_the_floor_lets_it_nobody_is_told(site, kind: str, seed: int) -> None:
    patient = msgspec.structs.replace(DEFAULT, refusal_budget=10**6)
    refused, n_told = asked(site, patient, kind, people(kind, 600, seed), -8.0)
    assert n_told == 0
    assert len(refused) < QUESTIONS // 2
