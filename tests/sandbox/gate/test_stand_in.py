"""What a card answers at central, against kernels on the same rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy.special import expit

from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.estimation.aggregates import Gram, Score
from sandbox.estimation.linear import least_squares
from sandbox.estimation.logistic import logistic
from sandbox.gate import kernels, own_fit
from sandbox.gate.dataset import Dataset
from sandbox.gate.fit_units import INTERCEPT_RIDGE, RIDGE
from sandbox.gate.guard import Refusal
from sandbox.gate.kernels import Answer, Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.stand_in import MIN_EVENTS, StandIn, is_point_due, settle, settle_all
from sandbox.gate.tiles import Tiles
from sandbox.wire.messages import KernelCall
from sandbox.wire.values import floats

Y, B, X, U = 1, 2, 3, 4
"""A continuous and a binary target, a numeric and a two-valued predictor."""
CONTRACT = Contract(
    (
        Column("y", "target", "continuous"),
        Column("b", "target", "binary", ("0", "1")),
        Column("x", "predictor"),
        Column("u", "predictor"),
    )
)
CENTRE, SCALE = np.array([3.0, 0.4, 50.0, 1.5]), np.array([2.0, 0.5, 9.0, 0.7])
LEVELS = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 2.0]])
TRUTH = np.array([0.4, 0.5, -0.7, -1.0])
"""Of b on y, x, u and 1, units of the fit."""


def units_of(centre: np.ndarray = CENTRE, scale: np.ndarray = SCALE) -> Units:
    return Units(centre, scale, centre, np.array([False, True, False, False]))


def raw(seed: int, n: int = 600) -> np.ndarray:
    """Rows in raw units, shape (n, 4), nothing missing; the other category of u is 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    u = (x + rng.normal(size=n) > 0.8) * 1.0
    y = 0.5 * x - 0.4 * u + rng.normal(size=n)
    b = rng.random(n) < expit(np.column_stack([y, x, u, np.ones(n)]) @ TRUTH)
    return np.column_stack([3 + 2 * y, b, 50 + 9 * x, 1 + u])


class Fitted:
    """A site's rows in units of the fit, and what a card says of them, without errors."""

    def __init__(self, values: np.ndarray, levels: np.ndarray = LEVELS) -> None:
        n, self.values = len(values), values
        self.design_rows = np.column_stack([values, np.ones(n)])
        is_two_valued = levels[:, 0] < levels[:, 1]
        self.mean = np.where(is_two_valued, levels[:, 0], values.mean(axis=0))
        self.spread = np.where(is_two_valued, 1.0, values.std(axis=0))
        z = (values - self.mean) / self.spread
        self.design = np.column_stack([z[:, [0, 2, 3]], np.ones(n)])
        self.b = values[:, 1]
        self.ridge = RIDGE * np.append(np.where(is_two_valued, values.std(axis=0) ** 2, 1.0)[[0, 2, 3]], 0.0)
        self.ridge[-1] = INTERCEPT_RIDGE
        self.levels = levels
        self.beta = self.newton(self.ridge)

    def newton(self, ridge: np.ndarray) -> np.ndarray:
        beta = np.zeros(4)
        for _ in range(50):
            H, g = self.score(beta)
            beta = beta + np.linalg.solve(H + np.diag(ridge), g - ridge * beta)
        return beta

    def score(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = expit(self.design @ beta)
        return (self.design * (p * (1 - p))[:, None]).T @ self.design, self.design.T @ (self.b - p)

    def point(self, beta: np.ndarray) -> dict[str, np.ndarray]:
        H, g = self.score(beta)
        return {"beta": beta, "gradient": g, "information": np.diagonal(H).copy()}

    def fields(self, centre: np.ndarray = CENTRE, scale: np.ndarray = SCALE, error: float = 0.0) -> dict[str, dict[str, np.ndarray]]:
        n = len(self.values)
        z = (self.design_rows - np.append(centre, 0.0)) / np.append(scale, 1.0)
        card = {"n": np.asarray(n), "n_observed": np.full(4, float(n)), "levels": self.levels, "gram": z.T @ z, "is_exact": np.asarray(0)}
        card |= {"error": np.asarray(error), "answers_points": np.asarray(1)}
        fit = {"n": np.asarray(float(n)), "beta": self.beta, "information": np.diagonal(self.score(self.beta)[0]).copy()}
        return {"card": card, f"fit.{B}": fit}

    def stand_in(self, *, has_central_intercept: bool = False, error: float = 0.0) -> StandIn:
        return StandIn(CONTRACT, units_of(), self.fields(error=error), has_central_intercept=has_central_intercept)


def rows_of(values: np.ndarray, region: Region, intercepts: tuple[float, ...] = (1.0,)) -> Rows:
    """The gate's own rows, standardised in central's units."""
    region.reset()
    tiles = Tiles(region, 4 + len(intercepts))
    tiles.append(values)
    dataset = Dataset(CONTRACT, {index: index - 1 for index in (1, 2, 3, 4)}, tiles)
    rows = Rows(dataset, np.arange(len(values)), find_patterns(np.zeros((len(values), 2), bool)), region, np.array(intercepts))
    rows.standardise(CENTRE, SCALE, {Y: np.empty(0), B: np.empty(0)})
    return rows


def ask(stand_in: StandIn, kernel: str, target: int, **more: object) -> Mapping[str, np.ndarray]:
    if "beta" in more:
        more["beta"] = floats(np.asarray(more["beta"], np.float64))
    return stand_in.ask(KernelCall(kernel, target, **more)).parts  # type: ignore[arg-type]


def in_central_units(fitted: Fitted, beta: np.ndarray) -> np.ndarray:
    """β of the fit in central's units, by its values of the linear predictor."""
    z = np.column_stack([((fitted.values - CENTRE) / SCALE)[:, [0, 2, 3]], np.ones(len(fitted.values))])
    return np.linalg.lstsq(z, fitted.design @ beta, rcond=None)[0]


def same(found: Answer, expected: Answer) -> None:
    assert found.n == expected.n
    assert found.parts.keys() == expected.parts.keys()
    for name, part in expected.parts.items():
        np.testing.assert_allclose(found.parts[name], part, rtol=1e-9, atol=1e-9 * float(np.abs(part).max() + 1.0), err_msg=name)


# --- Gaussian kernels


@pytest.mark.parametrize("has_central_intercept", [False, True])
def test_an_error_free_card_without_missing_cells_answers_what_the_kernels_answer_on_the_rows(region, has_central_intercept: bool) -> None:
    values = raw(1)
    rows = rows_of(values, region, (0.0, 1.0) if has_central_intercept else (1.0,))
    stand_in = Fitted(values).stand_in(has_central_intercept=has_central_intercept)
    beta = np.array([0.3, -0.2, 0.1, 0.7, 0.2])[: rows.p - 1]
    for target in (Y, B):
        same(stand_in.ask(KernelCall("gram", target)), kernels.gram(rows, units_of(), target))
    call = KernelCall("glm_gradient", Y, "gaussian", floats(beta))
    same(stand_in.ask(call), own_fit.glm_gradient(rows, units_of(), Y, beta, "gaussian"))
    if not has_central_intercept:
        call = KernelCall("glm_fit", Y, "gaussian", ridge=0.5)
        same(stand_in.ask(call), own_fit.glm_fit(rows, units_of(), Y, "gaussian", 0.5, np.zeros(4), 1))


def test_federated_is_pooled_for_a_continuous_target(region) -> None:
    parts = [raw(seed, 200 + 50 * seed) for seed in range(4)]
    answers = [Fitted(part).stand_in().ask(KernelCall("gram", Y)) for part in parts]
    pooled = kernels.gram(rows_of(np.vstack(parts), region), units_of(), Y)
    fits = []
    for total in ([pooled], answers):
        sums = {name: sum(np.asarray(answer.parts[name]) for answer in total) for name in ("n", "XX", "Xy", "yy")}
        fits.append(least_squares(Gram(int(sums["n"]), sums["XX"], sums["Xy"], float(sums["yy"]))))
    np.testing.assert_allclose(fits[1].beta, fits[0].beta, rtol=1e-9)
    assert fits[1].sigma2 == pytest.approx(fits[0].sigma2, rel=1e-9)


def test_a_targets_statistics_count_the_rows_that_show_it_only() -> None:
    fields = Fitted(raw(1)).fields()
    fields["card"]["n_observed"] = np.array([299.7, 600.0, 600.0, 600.0])
    answer = StandIn(CONTRACT, units_of(), fields, has_central_intercept=False).ask(KernelCall("gram", Y))
    whole = Fitted(raw(1)).stand_in().ask(KernelCall("gram", Y))
    assert answer.n == answer.parts["n"] == 300
    np.testing.assert_allclose(answer.parts["XX"], whole.parts["XX"] * 299.7 / 600)
    # Where the card states the target's own Gram, that is it.
    z = np.column_stack([(raw(2, 250) - CENTRE) / SCALE, np.ones(250)])
    fields[f"gram.{Y}"] = {"n": np.asarray(250), "gram": z.T @ z}
    exact = StandIn(CONTRACT, units_of(), fields, has_central_intercept=False).ask(KernelCall("gram", Y))
    assert exact.n == 250
    np.testing.assert_allclose(exact.parts["XX"], z[:, 1:].T @ z[:, 1:])


# --- binary targets


def test_before_all_cards_are_in_a_score_is_the_quadratic_around_the_own_fit_with_its_ridge_taken_off() -> None:
    fitted = Fitted(raw(3))
    own = in_central_units(fitted, fitted.beta)
    found = ask(fitted.stand_in(), "glm_score", B, beta=own)
    H, g = fitted.score(fitted.beta)
    change = np.linalg.solve(fitted.design.T @ fitted.design, fitted.design.T) @ np.column_stack(
        [((fitted.values - CENTRE) / SCALE)[:, [0, 2, 3]], np.ones(600)]
    )
    np.testing.assert_allclose(found["g"], change.T @ g, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.diagonal(np.linalg.solve(change.T, found["H"]) @ np.linalg.inv(change)), np.diagonal(H), rtol=1e-9)
    # Control: the ridge left on, the gradient at the own fit would be 0.
    assert np.abs(g).max() > 1.0


def test_newton_on_the_sum_of_stand_ins_comes_from_zeros_to_the_pooled_maximum() -> None:
    sites = [Fitted(raw(seed)) for seed in range(10, 14)]
    stand_ins = [site.stand_in() for site in sites]

    def fit() -> np.ndarray:
        def total(beta: np.ndarray) -> Score:
            answers = [ask(stand_in, "glm_score", B, beta=beta) for stand_in in stand_ins]
            sums = {name: sum(answer[name] for answer in answers) for name in ("n", "H", "g", "loglik")}
            return Score(int(sums["n"]), sums["H"], sums["g"], float(sums["loglik"]), 0.0)

        return logistic(total, np.zeros(4), tolerance=1e-9).beta

    pooled = Fitted(np.vstack([site.values for site in sites]))
    # The truth of the whole: its own design is in other units, so by values of the linear predictor.
    maximum = in_central_units(pooled, pooled.newton(np.zeros(4)))
    z = np.column_stack([((pooled.values - CENTRE) / SCALE)[:, [0, 2, 3]], np.ones(len(pooled.values))])
    p = expit(z @ maximum)
    root = np.linalg.cholesky((z * (p * (1 - p))[:, None]).T @ z)
    before = float(np.linalg.norm(root.T @ (fit() - maximum)))
    common = settle(stand_ins, B)
    assert common is not None
    after = float(np.linalg.norm(root.T @ (fit() - maximum)))
    assert after < 0.1
    assert after < before / 2
    # The same with the ridge of every site left on misses by far.
    for stand_in, site in zip(stand_ins, sites, strict=True):
        stand_in.take_point(B, {**site.point(site.beta), "gradient": np.zeros(4)})
    settle(stand_ins, B)
    assert np.linalg.norm(root.T @ (fit() - maximum)) > 5 * after


def test_a_point_is_what_a_card_without_errors_is_read_from() -> None:
    fitted = Fitted(raw(3))
    stand_in, point = fitted.stand_in(), fitted.beta + 0.2
    stand_in.take_point(B, fitted.point(point))
    found = ask(stand_in, "glm_score", B, beta=in_central_units(fitted, point))
    np.testing.assert_allclose(stand_in.in_units_of_fit(B, in_central_units(fitted, point)), point, rtol=1e-6)
    moved = np.linalg.lstsq(np.column_stack([((fitted.values - CENTRE) / SCALE)[:, [0, 2, 3]], np.ones(600)]), fitted.design, rcond=None)[0]
    np.testing.assert_allclose(moved.T @ found["g"], moved.T @ np.linalg.inv(moved).T @ fitted.score(point)[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_the_same_in_any_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fitted = Fitted(raw(4))
    centre = np.where(units_of().is_binary, 0.3, rng.normal(size=4) * 20)
    scale = np.exp(rng.normal(size=4) * 2)
    units, other = units_of(), units_of(centre, scale)
    stand_ins = [
        StandIn(CONTRACT, units, fitted.fields(), has_central_intercept=False),
        StandIn(CONTRACT, other, fitted.fields(centre, scale), has_central_intercept=False),
    ]
    others = [0, 2, 3]
    # η = Σ β_j (x_j − c_j)/s_j + β₀ in both: twin = change · β.
    change = np.diag(np.append(scale[others] / SCALE[others], 1.0))
    change[-1, :3] = (centre[others] - CENTRE[others]) / SCALE[others]
    logliks = []
    for beta in rng.normal(size=(2, 4)) * 0.3:
        first, second = ask(stand_ins[0], "glm_score", B, beta=beta), ask(stand_ins[1], "glm_score", B, beta=change @ beta)
        size = float(np.abs(second["H"]).max())
        np.testing.assert_allclose(first["g"], change.T @ second["g"], rtol=1e-6, atol=1e-9 * size)
        np.testing.assert_allclose(first["H"], change.T @ second["H"] @ change, rtol=1e-6, atol=1e-9 * size)
        logliks.append((float(first["loglik"]), float(second["loglik"])))
    # A log-likelihood is known but for a constant.
    assert logliks[0][0] - logliks[1][0] == pytest.approx(logliks[0][1] - logliks[1][1], rel=1e-6)
    fits = [ask(stand_in, "glm_fit", B, family="binomial", ridge=0.0)["beta"] for stand_in in stand_ins]
    np.testing.assert_allclose(fits[1], change @ fits[0], rtol=1e-6, atol=1e-9)


def test_an_own_fit_has_the_ridge_that_is_asked_for() -> None:
    fitted = Fitted(raw(5, 5000))
    stand_in = fitted.stand_in()
    free = in_central_units(fitted, fitted.newton(np.zeros(4)))
    answer = ask(stand_in, "glm_fit", B, family="binomial", ridge=0.0)
    np.testing.assert_allclose(answer["beta"], free, atol=2e-3)
    pulled = ask(stand_in, "glm_fit", B, family="binomial", ridge=500.0)["beta"]
    assert np.abs(pulled[:3]).sum() < np.abs(free[:3]).sum() / 1.5
    gradient = ask(stand_in, "glm_gradient", B, family="binomial", beta=np.asarray(answer["beta"]))["g"]
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_two_codings_of_a_two_valued_predictor_are_one_but_for_the_reading() -> None:
    values = raw(6)
    turned = values.copy()
    turned[:, 3] = 3 - turned[:, 3]
    first, second = (ask(Fitted(part).stand_in(), "glm_fit", B, family="binomial", ridge=0.0)["beta"] for part in (values, turned))
    assert second[2] == pytest.approx(-first[2], rel=0.05)
    assert second[:2] == pytest.approx(first[:2], rel=0.05)


def test_errors_of_a_card_make_its_scores_worth_less() -> None:
    fitted = Fitted(raw(7))
    exact, blurred = (fitted.stand_in(error=error) for error in (0.0, 2.0))
    beta = np.zeros(4)
    variances = [np.diagonal(np.linalg.inv(ask(stand_in, "glm_score", B, beta=beta)["H"])) for stand_in in (exact, blurred)]
    assert (variances[1] > variances[0]).all()


def squares_at(parts: Mapping[str, np.ndarray], beta: np.ndarray) -> float:
    return float(parts["yy"] - 2 * beta @ parts["Xy"] + beta @ parts["XX"] @ beta)


@pytest.mark.parametrize("has_central_intercept", [False, True])
def test_errors_of_all_cards_about_a_continuous_target_are_judged_at_one_beta(has_central_intercept: bool) -> None:
    sites = [Fitted(raw(seed, 200)) for seed in (7, 8, 9)]
    exact, blurred = ([site.stand_in(error=error, has_central_intercept=has_central_intercept) for site in sites] for error in (0.0, 2.5))
    total = sum(part.gram(Y).parts["XX"] for part in exact), sum(part.gram(Y).parts["Xy"] for part in exact)
    common = np.linalg.lstsq(*total, rcond=None)[0]
    before = [reader.gram(Y).parts for reader in blurred]
    settle_all({str(number): reader for number, reader in enumerate(blurred)}, CONTRACT)
    for reader, plain, own in zip(blurred, exact, before, strict=True):
        parts = reader.gram(Y).parts
        # There the squares of residuals are those of the card.
        assert squares_at(parts, common) == pytest.approx(squares_at(plain.gram(Y).parts, common), rel=3e-3)
        assert abs(squares_at(parts, common) / squares_at(own, common) - 1) > 1e-4
        # The fit is the site's own.
        assert np.linalg.lstsq(parts["XX"], parts["Xy"], rcond=None)[0] == pytest.approx(
            np.linalg.lstsq(own["XX"], own["Xy"], rcond=None)[0]
        )


def test_without_errors_nothing_is_settled_about_a_continuous_target() -> None:
    reader = Fitted(raw(7)).stand_in()
    before = reader.gram(Y).parts["XX"].copy()
    settle_all({"a": reader}, CONTRACT)
    assert np.array_equal(reader.gram(Y).parts["XX"], before)


# --- what is not there


def test_a_target_that_is_never_observed_answers_zeros() -> None:
    fields = Fitted(raw(1)).fields()
    fields["card"]["n_observed"] = np.array([0.0, 0.0, 600.0, 600.0])
    fields[f"fit.{B}"] = {"n": np.asarray(0.0), "beta": np.zeros(4), "information": np.zeros(4)}
    stand_in = StandIn(CONTRACT, units_of(), fields, has_central_intercept=False)
    for kernel, target, more in (
        ("gram", Y, {}),
        ("glm_fit", Y, {"family": "gaussian"}),
        ("glm_fit", B, {"family": "binomial"}),
        ("glm_gradient", Y, {"family": "gaussian", "beta": np.ones(4)}),
        ("glm_gradient", B, {"family": "binomial", "beta": np.ones(4)}),
        ("glm_score", B, {"beta": np.ones(4)}),
    ):
        for part in ask(stand_in, kernel, target, **more).values():
            assert not np.any(part), kernel
    assert settle([stand_in], B) is None
    assert not is_point_due([stand_in], B)


def test_a_site_that_never_measured_a_predictor_takes_no_part_in_a_binary_target() -> None:
    fields = Fitted(raw(1)).fields()
    del fields[f"fit.{B}"]
    fields["card"]["n_observed"] = np.array([600.0, 600.0, 0.0, 600.0])
    stand_in = StandIn(CONTRACT, units_of(), fields, has_central_intercept=False)
    for kernel, more in (("glm_fit", {}), ("glm_gradient", {"beta": np.ones(4)}), ("glm_score", {"beta": np.ones(4)})):
        for part in ask(stand_in, kernel, B, **({} if kernel == "glm_score" else {"family": "binomial"}), **more).values():
            assert not np.any(part), kernel
    assert settle([stand_in], B) is None
    assert ask(stand_in, "gram", Y)["n"] == 600
    fields["card"]["n_observed"] = np.full(4, 600.0)
    with pytest.raises(Refusal):
        ask(StandIn(CONTRACT, units_of(), fields, has_central_intercept=False), "glm_score", B, beta=np.ones(4))


def test_what_a_card_cannot_say_is_refused_and_a_draw_does_nothing() -> None:
    stand_in = Fitted(raw(1)).stand_in()
    for call in (
        KernelCall("gram", X),
        KernelCall("glm_score", Y, beta=floats(np.zeros(4))),
        KernelCall("glm_score", B, beta=floats(np.zeros(3))),
        KernelCall("selection_score", B, theta=floats(np.zeros(9)), exclusion=X),
    ):
        with pytest.raises(Refusal) as refused:
            stand_in.ask(call)
        assert refused.value.code is Code.RULE_UNDECLARED
    before = stand_in.ask(KernelCall("gram", Y)).parts["XX"].copy()
    stand_in.draw(KernelCall("draw", Y, beta=floats(np.ones(4)), sigma=1.0))
    np.testing.assert_array_equal(stand_in.ask(KernelCall("gram", Y)).parts["XX"], before)


@pytest.mark.parametrize(("field", "part"), [("card", "gram"), ("card", "n_observed"), (f"fit.{B}", "beta"), (f"fit.{B}", "information")])
def test_a_card_with_a_number_that_is_none_is_refused(field: str, part: str) -> None:
    fields = Fitted(raw(1)).fields()
    fields[field][part] = np.full_like(fields[field][part], np.nan)
    with pytest.raises(Refusal):
        StandIn(CONTRACT, units_of(), fields, has_central_intercept=False)


# --- selection models


@pytest.mark.parametrize("target", [Y, B])
def test_a_selection_score_is_the_quadratic_of_the_stated_model_in_any_units(target: int) -> None:
    rng = np.random.default_rng(2)
    fitted = Fitted(raw(8))
    theta = np.append(rng.normal(size=7) * 0.3, [0.2 if target == Y else 0.0, 0.4])
    root = rng.normal(size=(9, 9))
    information = root @ root.T
    others = [place for place in range(4) if place != target - 1]
    loglik = []
    for centre, scale in ((CENTRE, SCALE), (CENTRE + 3.0, SCALE * 1.7)):
        fields = fitted.fields(centre, scale)
        fields[f"selection.{target}"] = {"n": np.asarray(600.0), "theta": theta, "information": information}
        stand_in = StandIn(CONTRACT, units_of(centre, scale), fields, has_central_intercept=False)
        # θ in central's units from values of the linear predictors: γ'z, and E[y] = x'β in raw units.
        z = np.column_stack([((fitted.values - centre) / scale)[:, others], np.ones(600)])
        fit_z = np.column_stack([((fitted.values - fitted.mean) / fitted.spread)[:, others], np.ones(600)])
        place = others.index(X - 1)
        gamma = np.linalg.lstsq(z, fit_z @ theta[:4], rcond=None)[0]
        x, fit_x = np.delete(z, place, axis=1), np.delete(fit_z, place, axis=1)
        mean, log_sigma = fit_x @ theta[4:7], theta[7]
        if target == Y:
            mean = (fitted.mean[0] + fitted.spread[0] * mean - centre[0]) / scale[0]
            log_sigma = theta[7] + np.log(fitted.spread[0] / scale[0])
        beta = np.linalg.lstsq(x, mean, rcond=None)[0]
        twin = np.concatenate([gamma, beta, [log_sigma, theta[8]]])
        answer = stand_in.ask(KernelCall("selection_score", target, "binomial", theta=floats(twin), exclusion=X))
        assert (answer.n, int(answer.parts["n_selected"])) == (600, 600)
        # At the stated θ the gradient is the ridge's; a Newton step without it leads where the quadratic says.
        step = np.linalg.solve(answer.parts["H"], answer.parts["g"])
        moved = stand_in.ask(KernelCall("selection_score", target, "binomial", theta=floats(twin + step), exclusion=X)).parts
        np.testing.assert_allclose(moved["g"], 0.0, atol=1e-6 * np.abs(answer.parts["H"]).max())
        loglik.append(float(moved["loglik"] - answer.parts["loglik"]))
    in_sd = np.where(fitted.levels[:, 0] < fitted.levels[:, 1], fitted.values.std(axis=0), 1.0)[others]
    ridge = np.append(RIDGE * in_sd**2, 0.0)
    gradient = np.concatenate([ridge, np.delete(ridge, others.index(X - 1)), [0.0, 0.0]]) * theta
    expected = 0.5 * float(gradient @ np.linalg.solve(information, gradient))
    assert loglik == pytest.approx([expected, expected], rel=1e-6)


# --- common points


def test_a_point_is_due_where_a_site_has_few_events_per_coefficient_however_many_sites_there_are() -> None:
    values = raw(9, 2000)
    share = values[:, 1].mean()
    stand_in = Fitted(values).stand_in()
    assert stand_in.events_per_coefficient(B) == pytest.approx(2000 * min(share, 1 - share) / 4)
    assert not is_point_due([stand_in] * 3, B)
    few = Fitted(raw(9, 60)).stand_in()
    assert few.has_few_events(B)
    assert not stand_in.has_few_events(B)
    assert is_point_due([stand_in, few], B)
    assert not is_point_due([stand_in] * 400, B)
    # Non-events count as events do.
    turned = values.copy()
    turned[:, 1] = 1 - turned[:, 1]
    assert Fitted(turned).stand_in().events_per_coefficient(B) == pytest.approx(stand_in.events_per_coefficient(B))


@pytest.mark.parametrize(("error", "fewest"), [(0.0, MIN_EVENTS), (1.0, MIN_EVENTS), (2.5, 10.0), (5.0, 40.0)])
def test_the_larger_the_errors_the_more_events_a_fit_needs_without_a_point(error: float, fewest: float) -> None:
    share = raw(9, 2000)[:, 1].mean()
    rows = fewest * 4 / min(share, 1 - share)
    few, many = (Fitted(raw(9, int(factor * rows))).stand_in(error=error) for factor in (0.6, 1.6))
    assert few.events_per_coefficient(B) < fewest < many.events_per_coefficient(B)
    assert is_point_due([few], B)
    assert not is_point_due([many], B)


def test_fits_that_never_settle_are_carried_to_the_best_beta_there_was(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins = [Fitted(raw(seed)).stand_in() for seed in (1, 2)]
    monkeypatch.setattr("sandbox.estimation.reading.TOLERANCE", 0.0)
    common = settle(stand_ins, B)
    assert common is not None
    total = sum(ask(stand_in, "glm_score", B, beta=common)["g"] for stand_in in stand_ins)
    np.testing.assert_allclose(total, common, atol=1e-4)


def test_a_gram_is_computed_once_per_target() -> None:
    stand_in = Fitted(raw(1)).stand_in()
    assert stand_in.ask(KernelCall("gram", Y)).parts["XX"] is stand_in.ask(KernelCall("gram", Y)).parts["XX"]
