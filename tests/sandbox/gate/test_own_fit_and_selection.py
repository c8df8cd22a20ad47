"""The kernels of a participant's own fit, of a gradient, and of a selection model, against direct NumPy on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special, stats

from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.estimation.cholesky import FitError
from sandbox.gate import bivariate, kernels, own_fit, selection
from sandbox.gate import rows as rows_module
from sandbox.gate import tiles as tiles_module
from sandbox.gate.dataset import Dataset
from sandbox.gate.kernels import Answer, Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles
from tests.sandbox.estimation.test_selection import loglik_of

TARGET, EXCLUSION = 1, 4
N = 700


@dataclass
class World:
    """Rows of the gate and the same numbers in file order: z = (x1, x2, exclusion, 1), x without the exclusion column."""

    rows: Rows
    units: Units
    z: np.ndarray
    y: np.ndarray
    seen: np.ndarray

    @property
    def family(self) -> str:
        return "binomial" if self.units.is_binary[0] else "gaussian"


@pytest.fixture(params=["gaussian", "binomial"])
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["patterns", "scattered", "small tiles"])
def world(request: pytest.FixtureRequest, family: str, region: Region, monkeypatch: pytest.MonkeyPatch) -> World:
    if request.param == "scattered":
        monkeypatch.setattr(rows_module, "MANY_PATTERNS", 0)
    if request.param != "patterns":
        monkeypatch.setattr(tiles_module, "tile_rows", lambda _: 16)
    n = 40 if request.param == "scattered" else N
    return make(region, family, n)


def make(region: Region, family: str, n: int = N, share_seen: float = 0.7) -> World:
    rng = np.random.default_rng(8)
    z = np.column_stack([rng.normal(size=(n, 3)), np.ones(n)])
    y = z[:, [0, 1, 3]] @ [0.4, -0.3, 0.2] + rng.normal(size=n)
    y = (y > 0).astype(float) if family == "binomial" else y
    seen = rng.random(n) < share_seen
    column = Column("y", "target", "binary", ("0", "1")) if family == "binomial" else Column("y", "target", "continuous")
    contract = Contract((column, Column("x1", "predictor"), Column("x2", "predictor"), Column("x3", "predictor")))
    values = np.column_stack([np.where(seen, y, np.nan), z[:, :3]])
    tiles = Tiles(region, 5)
    tiles.append(values)
    dataset = Dataset(contract, {index: index - 1 for index in (1, 2, 3, 4)}, tiles)
    rows = Rows(dataset, np.arange(n), find_patterns(~seen[:, None]), region, np.array([1.0]))
    centre = np.array([0.4, 0, 0, 0]) if family == "binomial" else np.zeros(4)
    scale = np.array([0.5, 1, 1, 1]) if family == "binomial" else np.ones(4)
    units = Units(centre, scale, np.full(4, 0.4), np.array([family == "binomial", False, False, False]))
    rows.standardise(centre, scale, {TARGET: np.full(int((~seen).sum()), 0.0)})
    return World(rows, units, z, y, seen)


def theta_of(family: str) -> np.ndarray:
    return np.array([0.2, 0.1, 0.8, 0.6, 0.4, -0.3, 0.1, 0.1 if family == "gaussian" else 0.0, 0.5])


def check_bounds(answer: Answer, contributions: dict[str, np.ndarray]) -> None:
    """Every bound is at least the sum of absolute contributions of the rows, and not absurdly more."""
    for part, terms in contributions.items():
        size = np.abs(terms).sum(axis=0)
        assert (answer.bounds[part] >= size * (1 - 1e-9) - 1e-12).all(), part
        assert (answer.bounds[part] <= 20 * size + 1e-9).all(), part


# --- gradient and own fit


def test_a_gradient_is_that_of_the_log_likelihood(world: World) -> None:
    beta = np.array([0.3, -0.2, 0.1, 0.2])
    X, y = world.z[world.seen], world.y[world.seen]
    mu = special.expit(X @ beta) if world.family == "binomial" else X @ beta
    answer = own_fit.glm_gradient(world.rows, world.units, TARGET, beta, world.family)  # type: ignore[arg-type]
    assert set(answer.parts) == {"n", "g"}
    assert answer.parts["g"] == pytest.approx(X.T @ (y - mu), rel=1e-9, abs=1e-9)
    assert answer.n == answer.parts["n"] == world.seen.sum()
    assert (answer.bounds["g"] >= np.abs(X * (y - mu)[:, None]).sum(axis=0)).all()


def test_an_own_fit_is_the_fit_to_the_rows_with_the_target_observed(world: World) -> None:
    X, y = world.z[world.seen], world.y[world.seen]
    answer = own_fit.glm_fit(world.rows, world.units, TARGET, world.family, 2.0, np.zeros(4), 1)  # type: ignore[arg-type]
    penalty = np.diag([2.0, 2.0, 2.0, 0.0])
    beta = answer.parts["beta"]
    assert answer.n == len(y)
    if world.family == "gaussian":
        assert beta == pytest.approx(np.linalg.solve(X.T @ X + penalty, X.T @ y), rel=1e-9)
        assert answer.parts["information"] == pytest.approx(X.T @ X + penalty, rel=1e-10, abs=1e-9)
        assert answer.parts["sse"] == pytest.approx(((y - X @ beta) ** 2).sum(), rel=1e-9)
        influence = np.linalg.solve(X.T @ X + penalty, (X * y[:, None]).T).T
    else:
        p = special.expit(X @ beta)
        assert X.T @ (y - p) - penalty @ beta == pytest.approx(np.zeros(4), abs=1e-4)
        H = (X * (p * (1 - p))[:, None]).T @ X + penalty
        assert answer.parts["information"] == pytest.approx(H, rel=1e-9, abs=1e-9)
        assert answer.parts["sse"] == 0
        influence = np.linalg.solve(H, (X * (y - p)[:, None]).T).T
    check_bounds(answer, {"beta": influence})


def test_a_participant_that_never_observes_the_target_answers_with_nothing(family: str, region: Region) -> None:
    world = make(region, family, n=200, share_seen=0.0)
    answer = own_fit.glm_fit(world.rows, world.units, TARGET, family, 0.0, np.zeros(4), 1)  # type: ignore[arg-type]
    assert answer.parts["n"] == 0
    assert not any(np.any(part) for part in answer.parts.values())


def test_a_separated_own_fit_is_an_error(region: Region) -> None:
    world = make(region, "binomial", n=300)
    world.rows._tiles.put(1, np.where(world.rows.column(0) > 0, 3.0, -3.0))
    with pytest.raises(FitError) as caught:
        own_fit.glm_fit(world.rows, world.units, TARGET, "binomial", 0.0, np.zeros(4), 1)
    assert caught.value.code is Code.FIT_SEPARATED


# --- selection model


def test_a_selection_score_is_the_derivative_of_the_textbook_likelihood(world: World, family: str) -> None:
    theta = theta_of(family)
    score = selection.selection_score(world.rows, world.units, TARGET, EXCLUSION, theta)
    data = (world.z, world.y, world.seen)
    parts = score.answer.parts
    assert parts["loglik"] == pytest.approx(loglik_of(theta, *data, family), rel=1e-10)  # type: ignore[arg-type]
    step = 1e-5
    free = [i for i in range(9) if family == "gaussian" or i != 7]
    for i in free:
        up, down = theta + step * np.eye(9)[i], theta - step * np.eye(9)[i]
        slope = (loglik_of(up, *data, family) - loglik_of(down, *data, family)) / (2 * step)  # type: ignore[arg-type]
        assert parts["g"][i] == pytest.approx(slope, rel=1e-5, abs=1e-4)
        curve = [selection.selection_score(world.rows, world.units, TARGET, EXCLUSION, end).answer.parts["g"] for end in (up, down)]
        assert parts["H"][i] == pytest.approx((curve[1] - curve[0]) / (2 * step), rel=1e-5, abs=1e-3)
    assert np.array_equal(parts["H"], parts["H"].T) or parts["H"] == pytest.approx(parts["H"].T, abs=1e-9)
    if family == "binomial":
        assert not parts["H"][7].any()
        assert parts["g"][7] == 0
    assert (parts["n"], parts["n_selected"]) == (len(world.y), world.seen.sum())


def test_bounds_of_a_selection_score_cover_the_rows_contributions(world: World, family: str) -> None:
    theta = theta_of(family)
    answer = selection.selection_score(world.rows, world.units, TARGET, EXCLUSION, theta).answer
    n = len(world.y)
    loglik, g, H = np.empty(n), np.empty((n, 9)), np.empty((n, 9, 9))
    for row in range(n):
        one = selection._Sums(world.rows.p)
        design = np.concatenate([[0.0], world.z[row]])[None]
        a, b, y = design[:, 1:] @ theta[:4], design[:, [1, 2, 4]] @ theta[4:7], world.y[[row]]
        if not world.seen[row]:
            one.add(design, selection.not_selected(a))
        elif family == "gaussian":
            one.add(design, selection.continuous(a, b, y, theta[7], theta[8]))
        else:
            one.add(design, selection.binary(a, b, y, theta[8]))
        parts, _ = one.answer(selection.Theta.of(theta, world.rows, TARGET, EXCLUSION))
        loglik[row], g[row], H[row] = parts["loglik"], parts["g"], parts["H"]
    for part, terms in (("loglik", loglik), ("g", g), ("H", H)):
        assert (answer.bounds[part] >= np.abs(terms).sum(axis=0) * (1 - 1e-9) - 1e-9).all()
        assert answer.parts[part] == pytest.approx(terms.sum(axis=0), rel=1e-9, abs=1e-9)


def test_reach_is_the_largest_evidence_and_infinite_for_what_is_no_number(world: World, family: str) -> None:
    theta = theta_of(family)
    for change, at_least in (({0: 50.0}, 20.0), ({8: 20.0}, 0.0), ({4: np.nan}, np.inf)):
        moved = theta.copy()
        for place, value in change.items():
            moved[place] = value
        with np.errstate(all="ignore"):
            reach = selection.selection_score(world.rows, world.units, TARGET, EXCLUSION, moved).reach
        assert reach >= at_least
    assert selection.selection_score(world.rows, world.units, TARGET, EXCLUSION, theta).reach < 10


def test_draws_have_the_distribution_of_what_is_missing(family: str, region: Region) -> None:
    world = make(region, family, n=60_000, share_seen=0.3)
    theta = theta_of(family)
    missing = world.rows.missing_rows(TARGET)
    rng = np.random.default_rng(1)
    uniforms = (rng.random(len(missing)), rng.random(len(missing)))
    before = world.rows.column(0)[world.rows.missing_places(TARGET)]
    filled = selection.draw_selection(world.rows, world.units, TARGET, EXCLUSION, theta, uniforms)
    drawn = world.rows.column(0)[world.rows.missing_places(TARGET)]
    z = world.z[missing]
    a, b, rho, sigma = z @ theta[:4], z[:, [0, 1, 3]] @ theta[4:7], np.tanh(theta[8]), np.exp(theta[7])
    if family == "binomial":
        drawn = drawn * 0.5 + 0.4
        p = bivariate.cdf(b, -a, -rho) / special.ndtr(-a)
        assert set(np.unique(drawn.round(9))) == {0.0, 1.0}
        assert abs((drawn - p).mean()) < 4 * np.sqrt((p * (1 - p)).mean() / len(p))
        assert abs(((drawn - p) * (b - b.mean())).mean()) < 4 * np.sqrt((p * (1 - p) * b**2).mean() / len(p))
        assert filled.moments.mean == pytest.approx(drawn.mean())
    else:
        # u | u ≤ −a is a truncated normal: mean −φ(a)/Φ(−a).
        mills = stats.norm.pdf(a) / special.ndtr(-a)
        mean = b - sigma * rho * mills
        variance = sigma**2 * (1 - rho**2 * mills * (mills - a))
        z_scores = (drawn - mean) / np.sqrt(variance)
        assert abs(z_scores.mean()) < 4 / np.sqrt(len(a))
        assert z_scores.var() == pytest.approx(1.0, abs=0.03)
        assert filled.moments.variance == pytest.approx(drawn.var(ddof=1))
    assert filled.is_finite
    world.rows.undo(TARGET)
    assert np.array_equal(world.rows.column(0)[world.rows.missing_places(TARGET)], before)


def test_a_draw_renews_the_grams(world: World, family: str) -> None:
    n = world.rows.n_missing(TARGET)
    uniforms = (np.random.default_rng(2).random(n), np.random.default_rng(3).random(n))
    selection.draw_selection(world.rows, world.units, TARGET, EXCLUSION, theta_of(family), uniforms)
    full = np.column_stack([world.rows.column(position) for position in range(world.rows.p)])
    total = world.rows.total_gram()
    assert total == pytest.approx(full.T @ full, abs=1e-8)
    assert kernels.gram(world.rows, world.units, TARGET).n == world.seen.sum()


# --- tiles


def test_many_tiles_and_one_pass_find_and_fill_the_same(region: Region, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(rows_per_tile: int) -> list[np.ndarray]:
        monkeypatch.setattr(tiles_module, "tile_rows", lambda _: rows_per_tile)
        world = make(region, family)
        rows, units = world.rows, world.units
        n_missing, beta = rows.n_missing(TARGET), np.array([0.3, -0.2, 0.1, 0.2])
        first, second, third = np.random.default_rng(1).uniform(size=(3, n_missing))
        found: list[np.ndarray] = []

        def keep(answer: Answer, *, with_bounds: bool = True) -> None:
            found.extend(np.asarray(part, float) for part in answer.parts.values())
            found.extend(np.asarray(bound) for bound in answer.bounds.values() if with_bounds)

        keep(own_fit.glm_gradient(rows, units, TARGET, beta, world.family))  # type: ignore[arg-type]
        keep(own_fit.glm_fit(rows, units, TARGET, world.family, 1.0, np.zeros(4), 1))  # type: ignore[arg-type]
        # A bound of its own for each tile: the sum of them is as true, and closer.
        keep(selection.selection_score(rows, units, TARGET, EXCLUSION, theta_of(family)).answer, with_bounds=False)
        if family == "binomial":
            keep(kernels.glm_score(rows, units, TARGET, beta))
        for fill in (
            lambda: selection.draw_selection(rows, units, TARGET, EXCLUSION, theta_of(family), (first, second)),
            lambda: kernels.draw(rows, units, TARGET, beta, 0.8 if family == "gaussian" else None, third),
        ):
            filled = fill()
            found += [np.array([filled.moments.mean, filled.moments.variance]), rows.column(0)]
            keep(kernels.gram(rows, units, TARGET))
        rows.undo(TARGET)
        return [*found, rows.column(0), rows.total_gram()]

    for one, many in zip(run(N), run(17), strict=True):
        np.testing.assert_allclose(many, one, rtol=1e-9, atol=1e-9)
