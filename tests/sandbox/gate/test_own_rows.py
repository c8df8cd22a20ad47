"""A site completes its own rows once: the same file gives the same fills however it is told, and they are proper imputations.

The reference is chained equations as a statistician would write them in NumPy (`Reference`): another random generator, full refits in
every sweep, no warm start. Both are run many times and compared within the Monte Carlo error of their means.
"""

from __future__ import annotations

import mmap
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import expit

from sandbox.contract import Column, Contract
from sandbox.gate import kernels, own_fit
from sandbox.gate import own_rows as own_rows_module
from sandbox.gate import rows as rows_module
from sandbox.gate.canon import Canon, find_canon
from sandbox.gate.dataset import Dataset
from sandbox.gate.kernels import Units
from sandbox.gate.own_rows import OwnRows, complete
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import TILE_BYTES, Tiles

SECRET = b"a secret of the site, 32 bytes.."
NUMERIC, BINARY, PREDICTOR = ("target", "continuous"), ("target", "binary"), ("predictor", None)


@dataclass
class File:
    """A file: values with NaN where missing, and what a job says of its columns."""

    values: np.ndarray
    kinds: Sequence[tuple[str, str | None]]

    def complete(self, secret: bytes = SECRET, region: Region | None = None, **options) -> OwnRows:
        values = np.array(self.values)
        columns = [
            Column(f"c{place}", role, kind, ("no", "yes") if kind == "binary" else None) for place, (role, kind) in enumerate(self.kinds)
        ]
        region = region or Region(mmap.mmap(-1, 4 * values.nbytes + (1 << 23)))
        tiles = Tiles(region, values.shape[1] + 1)
        tiles.append(values)
        contract = Contract(tuple(columns))
        return complete(Dataset(contract, {index: index - 1 for index in contract.model}, tiles), secret, region, **options)


def make_file(n: int, seed: int = 0, missing: float = 0.25) -> File:
    """Columns x (complete), t (two-valued predictor, 1 and 2), y, b (binary), u (numeric predictor): the last four with missing cells."""
    random = np.random.default_rng(seed)
    x = random.gamma(4, size=n)
    t = 1.0 + (random.random(n) < 0.3)
    y = 0.5 * x - 0.7 * t + random.normal(size=n)
    b = (random.random(n) < expit(0.5 * y - 0.6)).astype(float)
    u = np.exp(0.3 * y + 0.4 * b + 0.5 * random.normal(size=n))
    values = np.column_stack([x, t, y, b, u])
    values[:, 1:][random.random((n, 4)) < missing] = np.nan
    return File(values, [PREDICTOR, PREDICTOR, NUMERIC, BINARY, PREDICTOR])


def completed(own: OwnRows) -> np.ndarray:
    """The completed sets in file order and raw units, shape (L, rows, columns)."""
    found = []
    for _ in own.sets():
        values = np.empty((own.rows.n, own.rows.n_columns))
        for position in range(own.rows.n_columns):
            values[own.rows.file_rows, position] = own.rows.column(position) * own.units.scale[position] + own.units.centre[position]
        found.append(values)
    return np.array(found)


def in_order(values: np.ndarray) -> np.ndarray:
    """The rows in an order that rounding errors do not change."""
    ordered: np.ndarray = values[np.lexsort([*values.T, *np.round(values, 4).T])]
    return ordered


# --- the same file, told otherwise


def shuffled(file: File) -> tuple[File, Callable[[np.ndarray], np.ndarray]]:
    order = np.random.default_rng(9).permutation(len(file.values))
    return File(file.values[order], file.kinds), lambda sets: sets[:, np.argsort(order)]


def other_units(file: File) -> tuple[File, Callable[[np.ndarray], np.ndarray]]:
    scale, shift = np.array([1 / 2.54, 1, 1000, 1, 0.01]), np.array([0.0, 0, -40, 0, 3])
    return File(file.values * scale + shift, file.kinds), lambda sets: (sets - shift) / scale


def mirrored(file: File) -> tuple[File, Callable[[np.ndarray], np.ndarray]]:
    # 1, 2 becomes 1, 0; no, yes becomes yes, no; two numeric columns change their signs.
    scale, shift = np.array([-1.0, -1, 1, -1, -3]), np.array([0.0, 2, 0, 1, 0])
    return File(file.values * scale + shift, file.kinds), lambda sets: (sets - shift) / scale


def columns_moved(file: File) -> tuple[File, Callable[[np.ndarray], np.ndarray]]:
    order = [3, 0, 4, 2, 1]
    return File(file.values[:, order], [file.kinds[place] for place in order]), lambda sets: sets[:, :, np.argsort(order)]


def other_job(file: File) -> tuple[File, Callable[[np.ndarray], np.ndarray]]:
    # Other targets; both two-valued columns are told to be numbers.
    return File(file.values, [NUMERIC, NUMERIC, PREDICTOR, PREDICTOR, NUMERIC]), lambda sets: sets


@pytest.mark.parametrize("tell", [shuffled, other_units, mirrored, columns_moved, other_job])
@pytest.mark.parametrize("n", [60, 3000])
def test_a_file_is_completed_alike_whatever_its_row_order_units_codes_columns_and_job(tell, n) -> None:
    file = make_file(n)
    told, back = tell(file)
    expected, found = completed(file.complete()), back(completed(told.complete()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_with_rows_numbered_as_the_file_has_them_another_row_order_would_be_another_look(monkeypatch) -> None:
    """The control: without canonical numbers a shuffled file is filled anew, and the mean of many shufflings is a view of its own."""

    def as_in_file(*args) -> Canon:
        canon = find_canon(*args)
        places = np.arange(len(canon.order))
        return replace(canon, order=places, numbers=places)

    file = make_file(400)
    told, back = shuffled(file)
    monkeypatch.setattr(own_rows_module, "find_canon", as_in_file)
    filled = np.isnan(file.values[:, 2])
    assert (np.abs(back(completed(told.complete())) - completed(file.complete()))[:, filled, 2] > 1e-3).mean() > 0.9


def test_equal_rows_have_numbers_of_their_own_and_are_completed_alike_in_any_order() -> None:
    random = np.random.default_rng(3)
    pattern = np.array([[1.0, 0, np.nan], [2, 1, np.nan], [2, 0, 5], [1, 1, 7], [3, 0, 6.5]])
    file = File(np.repeat(pattern, 40, axis=0), [PREDICTOR, BINARY, NUMERIC])
    told = File(file.values[random.permutation(200)], file.kinds)
    sets, others = completed(file.complete()), completed(told.complete())
    assert len(np.unique(sets[0, :40, 2])) == 40
    for one, other in zip(sets, others, strict=True):
        np.testing.assert_allclose(in_order(one), in_order(other), rtol=1e-5, atol=1e-5)


def test_symmetric_columns_are_mirrored_with_the_others_and_completed_alike() -> None:
    random = np.random.default_rng(5)
    half = np.repeat([0.0, 1.0], 50)
    x = random.gamma(2, size=100) + half
    y = x + half + random.normal(size=100)
    y[random.random(100) < 0.3] = np.nan
    file = File(np.column_stack([x, half, y]), [PREDICTOR, PREDICTOR, NUMERIC])
    told = File(np.column_stack([x, 1 - half, y]), file.kinds)
    np.testing.assert_allclose(completed(told.complete())[:, :, 2], completed(file.complete())[:, :, 2], rtol=1e-5, atol=1e-5)


def test_rows_that_agree_on_the_grid_only_are_numbered_by_their_values() -> None:
    # All rows but one, which is far away, share a cell of the grid.
    values = np.append(np.arange(50) * 1e-9, 1e3)[:, None]
    order = np.random.default_rng(1).permutation(51)
    canon = find_canon(lambda _: values[:, 0].copy(), [1], 51, SECRET)
    told = find_canon(lambda _: values[order, 0].copy(), [1], 51, SECRET)
    np.testing.assert_array_equal(told.numbers, canon.numbers[order])
    assert told.key == canon.key


def test_another_secret_or_another_file_gives_other_fills() -> None:
    file = make_file(400)
    sets = completed(file.complete())
    filled = np.isnan(file.values[:, 2])
    assert (completed(file.complete(b"another secret of this site....."))[:, filled, 2] != sets[:, filled, 2]).mean() > 0.99
    changed = File(file.values.copy(), file.kinds)
    changed.values[0, 0] += 1.0
    assert (completed(changed.complete())[:, filled, 2] != sets[:, filled, 2]).mean() > 0.99


def test_a_csv_is_completed_alike_when_its_rows_units_and_level_texts_are_others(upload, make_setup) -> None:
    random = np.random.default_rng(4)
    n = 150
    a, y = random.integers(140, 200, n), random.normal(size=n).round(3)
    b = random.random(n) < expit(y)
    is_missing = random.random((n, 3)) < 0.2

    def text(order: np.ndarray, metres: bool, levels: tuple[str, str]) -> str:
        cells = [
            ("NA" if is_missing[row, 0] else f"{a[row] / 100:.2f}" if metres else f"{a[row]}")
            + ("," if is_missing[row, 1] else f",{y[row]}")
            + ("," if is_missing[row, 2] else f",{levels[int(b[row])]}")
            for row in order
        ]
        return "\n".join(["a,y,b", *cells]) + "\n"

    order, found = random.permutation(n), []
    for rows, metres, levels in ((np.arange(n), False, ("no", "yes")), (order, True, ("1", "0"))):
        _, dataset = upload(text(rows, metres, levels), make_setup())
        assert dataset is not None
        own = complete(dataset, SECRET, Region(mmap.mmap(-1, 1 << 24)))
        found.append(completed(own))
    told = found[1][:, np.argsort(order)] * np.array([100.0, 1, -1]) + np.array([0.0, 0, 1])
    # Rows that are equal may have changed places.
    for one, other in zip(found[0], told, strict=True):
        np.testing.assert_allclose(in_order(one), in_order(other), rtol=1e-5, atol=1e-5)


# --- what is filled


def test_observed_cells_stay_two_valued_columns_keep_their_two_values_and_every_row_takes_part() -> None:
    file = make_file(500)
    own = file.complete()
    assert own.n_sets == 10
    assert own.rows.n == 500
    assert own.n_observed.tolist() == (~np.isnan(file.values)).sum(axis=0).tolist()
    np.testing.assert_array_equal(own.levels, [[0, 0], [1, 2], [0, 0], [0, 1], [0, 0]])
    for position in (1, 3):
        for _ in own.sets():
            assert len(np.unique(own.rows.column(position))) == 2
    is_observed = ~np.isnan(file.values)
    for values in completed(own):
        assert np.isfinite(values).all()
        np.testing.assert_allclose(values[is_observed], file.values[is_observed], rtol=1e-12, atol=1e-12)


def test_rows_that_miss_a_predictor_are_in_the_gram_and_in_the_rows_of_a_target() -> None:
    file = make_file(500)
    own = file.complete()
    assert own.gram[-1, -1] == pytest.approx(500)
    assert own.gram_of(3)[-1, -1] == pytest.approx((~np.isnan(file.values[:, 2])).sum())
    incomplete = np.isnan(file.values[:, [1, 4]]).any(axis=1) & ~np.isnan(file.values[:, 2])
    seen = {int(row) for part in own.rows.parts(3, is_missing=False) for row in own.rows.file_rows[_places(own.rows, part)]}
    assert incomplete.sum() > 50
    assert set(np.flatnonzero(incomplete).tolist()) < seen


def _places(rows: Rows, part) -> np.ndarray:
    return part.first + np.arange(rows.n)[part.within]


@pytest.mark.parametrize("many", [64, 0], ids=["patterns", "scattered"])
def test_the_grams_are_the_means_over_the_sets_and_the_rows_end_where_their_grams_are(monkeypatch, many) -> None:
    monkeypatch.setattr(rows_module, "MANY_PATTERNS", many)
    file = make_file(300)
    own = file.complete()
    assert own.rows.is_in_runs is bool(many)
    for _ in range(2):
        total, shown = np.zeros((6, 6)), np.zeros((6, 6))
        for _ in own.sets():
            design = np.column_stack([own.rows.column(position) for position in range(6)])
            total += design.T @ design
            observed = np.delete(design, own.rows.missing_places(3), axis=0)
            shown += observed.T @ observed
        np.testing.assert_allclose(own.gram, total / 10, rtol=1e-9, atol=1e-9 * 300)
        np.testing.assert_allclose(own.gram_of(3), shown / 10, rtol=1e-9, atol=1e-9 * 300)
    next(own.sets())
    design = np.column_stack([own.rows.column(position) for position in range(6)])
    np.testing.assert_allclose(own.rows.total_gram(), design.T @ design, rtol=1e-9, atol=1e-9 * 300)


def test_a_complete_file_has_one_set_nothing_is_drawn_and_its_gram_is_that_of_the_rows(monkeypatch) -> None:
    monkeypatch.setattr(own_rows_module.kernels, "draw", None)
    file = make_file(300, missing=0.0)
    own = file.complete()
    design = np.column_stack([(file.values - file.values.mean(axis=0)) / file.values.std(axis=0), np.ones(300)])
    assert own.n_sets == 1
    assert len(completed(own)) == 1
    np.testing.assert_allclose(own.gram, design.T @ design, rtol=1e-12, atol=1e-10)
    np.testing.assert_array_equal(own.gram, own.rows.total_gram())
    np.testing.assert_array_equal(own.gram, own.gram_of(3))


def test_of_many_rows_five_sets_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(own_rows_module, "MANY_ROWS", 99)
    told: list[tuple[int, int]] = []
    assert make_file(100).complete(progress=lambda done, of: told.append((done, of))).n_sets == 5
    assert told == [(sweep, 20) for sweep in range(1, 21)]


# --- columns that carry no fit


def test_constant_rare_doubled_and_hardly_observed_columns_are_filled_with_what_is_there() -> None:
    random = np.random.default_rng(2)
    n = 60
    x, y = random.normal(size=n), random.normal(size=n)
    constant, rare, few = np.full(n, 0.1), np.zeros(n), random.normal(size=n)
    rare[0] = 1.0
    few[4:] = np.nan
    constant[:9] = rare[20:30] = y[5:15] = np.nan
    file = File(np.column_stack([x, 2 * x + 1, constant, rare, few, y]), [PREDICTOR] * 3 + [BINARY, PREDICTOR, NUMERIC])
    for values in completed(file.complete()):
        np.testing.assert_array_equal(values[:, 2], 0.1)
        assert set(np.rint(values[:, 3])) <= {0.0, 1.0}
        assert np.abs(values[:, 4][:, None] - few[:4]).min(axis=1).max() < 1e-6
        assert np.abs(values[:, 5]).max() < 20


def test_separated_outcomes_are_filled_from_a_fit_that_ends() -> None:
    random = np.random.default_rng(6)
    x = random.normal(size=200)
    b = (x > 0).astype(float)
    is_missing = random.random(200) < 0.3
    file = File(np.column_stack([x, np.where(is_missing, np.nan, b)]), [PREDICTOR, BINARY])
    filled = completed(file.complete())[:, is_missing, 1]
    assert (filled == b[is_missing]).mean() > 0.9


def test_a_column_that_is_never_observed_is_a_constant_0_and_changes_nothing_else() -> None:
    file = make_file(400)
    kept = [0, 1, 3, 4]
    without = File(file.values[:, kept], [file.kinds[place] for place in kept]).complete()
    values = file.values.copy()
    values[:, 2] = np.nan
    own = File(values, file.kinds).complete()
    sets = completed(own)
    assert not sets[:, :, 2].any()
    np.testing.assert_allclose(sets[:, :, kept], completed(without), rtol=1e-9, atol=1e-9)
    assert own.n_observed.tolist() == [*without.n_observed[:2], 0, *without.n_observed[2:]]
    assert not own.gram[2].any()
    assert not own.gram_of(3).any()
    within = np.ix_([*kept, 5], [*kept, 5])
    np.testing.assert_allclose(own.gram[within], without.gram, rtol=1e-9, atol=1e-9)


def test_a_file_in_which_no_column_is_observed_has_rows_all_the_same() -> None:
    file = make_file(50)
    file.values[:] = np.nan
    gram = file.complete().gram
    assert gram[-1, -1] == 50
    assert not gram[:-1].any()


# --- proper imputations


class Reference:
    """Chained equations in NumPy: means of the completed columns and of their products over L sets, and how they vary."""

    def __init__(self, values: np.ndarray, is_two: Sequence[bool], seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.missing = np.isnan(values)
        self.is_two = is_two
        # Conditional models that do not fit together, as those of skewed columns, converge to what their order says.
        canon = find_canon(lambda index: values[:, index - 1].copy(), range(1, values.shape[1] + 1), len(values), b"")
        self.order = [side.index - 1 for side in canon.sides if side.n_observed < len(values)]
        self.values = values.copy()
        for place in range(values.shape[1]):
            mask = self.missing[:, place]
            self.values[mask, place] = self.random.choice(values[~mask, place], mask.sum())

    def sweep(self) -> None:
        for place in self.order:
            mask = self.missing[:, place]
            others = np.delete(self.values, place, axis=1)
            X = np.column_stack([(others - others.mean(axis=0)) / others.std(axis=0), np.ones(len(others))])
            (self._two if self.is_two[place] else self._numeric)(place, mask, X)

    def _numeric(self, place: int, mask: np.ndarray, X: np.ndarray) -> None:
        y, Z = self.values[~mask, place], X[~mask]
        V = np.linalg.inv(Z.T @ Z)
        beta = V @ Z.T @ y
        sigma = np.sqrt(((y - Z @ beta) ** 2).sum() / self.random.chisquare(len(y) - len(beta)))
        beta = self.random.multivariate_normal(beta, sigma**2 * V)
        self.values[mask, place] = X[mask] @ beta + sigma * self.random.normal(size=mask.sum())

    def _two(self, place: int, mask: np.ndarray, X: np.ndarray) -> None:
        low, high = self.values[:, place].min(), self.values[:, place].max()
        y, Z, beta = (self.values[~mask, place] == high).astype(float), X[~mask], np.zeros(X.shape[1])
        ridge = np.diag(np.append(np.full(X.shape[1] - 1, 0.01), 0.0))
        for _ in range(12):
            p = expit(Z @ beta)
            V = np.linalg.inv((Z * (p * (1 - p))[:, None]).T @ Z + ridge)
            beta = beta + V @ (Z.T @ (y - p) - ridge @ beta)
        beta = self.random.multivariate_normal(beta, V)
        self.values[mask, place] = np.where(self.random.random(mask.sum()) < expit(X[mask] @ beta), high, low)

    def sets(self) -> np.ndarray:
        kept = []
        for sweep in range(1, 31):
            self.sweep()
            if sweep > 10 and sweep % 2 == 0:
                kept.append(self.values.copy())
        return np.array(kept)


def summary(sets: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Of each set: mean and sd of the filled cells of each incomplete column, and all correlations. Shape (L, numbers)."""
    found = []
    for values in sets:
        filled = [values[missing[:, place], place] for place in np.flatnonzero(missing.any(axis=0))]
        correlations = np.corrcoef(values.T)[np.triu_indices(values.shape[1], 1)]
        found.append(np.concatenate([[cells.mean() for cells in filled], [cells.std() for cells in filled], correlations]))
    return np.array(found)


@pytest.mark.parametrize("tolerance", ["as built", "stale steps"])
def test_fills_are_distributed_as_those_of_chained_equations_in_numpy(monkeypatch, tolerance) -> None:
    if tolerance == "stale steps":
        # As with very many rows: the information of an earlier sweep, one step each.
        monkeypatch.setattr(own_rows_module, "MANY_WEIGHTS", 0.0)
    file = make_file(150 if tolerance == "as built" else 800, seed=8, missing=0.3)
    missing, n_runs = np.isnan(file.values), 30
    ours = np.array([summary(completed(file.complete(b"secret %25d" % run)), missing) for run in range(n_runs)])
    reference = [Reference(file.values, [False, True, False, True, False], run) for run in range(n_runs)]
    theirs = np.array([summary(made.sets(), missing) for made in reference])
    # Means over the sets of a run are independent between runs.
    means, others = ours.mean(axis=1), theirs.mean(axis=1)
    error = np.sqrt((means.var(axis=0, ddof=1) + others.var(axis=0, ddof=1)) / n_runs)
    assert np.abs((means.mean(axis=0) - others.mean(axis=0)) / error).max() < 4.0
    # A proper imputation varies as much as it should between sets: 300 numbers of each, correlated within a run.
    ratio = ours.reshape(-1, ours.shape[2]).std(axis=0) / theirs.reshape(-1, ours.shape[2]).std(axis=0)
    assert ratio.min() > 0.8
    assert ratio.max() < 1.25


def test_fills_without_a_draw_of_the_parameters_would_vary_too_little_to_pass(monkeypatch) -> None:
    monkeypatch.setattr(own_rows_module._ParameterDraws, "normal", lambda self, size: np.zeros(size))
    file = make_file(60, seed=8, missing=0.5)
    missing = np.isnan(file.values)
    ours = np.array([summary(completed(file.complete(b"secret %25d" % run)), missing) for run in range(20)])
    theirs = np.array([summary(Reference(file.values, [False, True, False, True, False], run).sets(), missing) for run in range(20)])
    ratio = ours.reshape(-1, ours.shape[2]).std(axis=0) / theirs.reshape(-1, ours.shape[2]).std(axis=0)
    assert ratio.min() < 0.8


def test_what_is_missing_at_random_is_filled_without_bias_where_complete_rows_are_biased() -> None:
    """Regression of an outcome on a covariate that is missing by the outcome: complete rows are biased, own rows are not."""
    slopes, complete_slopes = [], []
    for run in range(30):
        random = np.random.default_rng(run)
        n = 800
        x = random.normal(size=n)
        y = 0.6 * x + random.normal(size=n)
        b = (random.random(n) < expit(x)).astype(float)
        is_missing = random.random(n) < expit(2 * y - 0.5)
        file = File(np.column_stack([np.where(is_missing, np.nan, x), y, b]), [PREDICTOR, NUMERIC, BINARY])
        own = file.complete()
        G, scale = own.gram, own.units.scale
        slopes.append(np.linalg.solve(G[np.ix_([0, 2, 3], [0, 2, 3])], G[[0, 2, 3], 1])[0] * scale[1] / scale[0])
        kept = ~is_missing
        X = np.column_stack([x, b, np.ones(n)])[kept]
        complete_slopes.append(np.linalg.lstsq(X, y[kept], rcond=None)[0][0])
    error = np.std(slopes, ddof=1) / np.sqrt(30)
    assert abs(np.mean(slopes) - 0.6) < 4 * error
    assert abs(np.mean(complete_slopes) - 0.6) > 8 * np.std(complete_slopes, ddof=1) / np.sqrt(30)


# --- what it takes


@pytest.mark.parametrize(
    ("n", "many", "off", "off_spread"),
    [(150, 1e9, 0.03, 0.05), (20_000, 1e9, 0.03, 0.05), (20_000, 1e3, 0.06, 0.08)],
    ids=["150", "new", "stale"],
)
def test_a_logistic_fit_of_each_sweep_is_near_the_converged_one_in_standard_errors(monkeypatch, n, many, off, off_spread) -> None:
    """Warm steps save processor time; what they leave is small against what a draw of β adds: 1."""
    chain_type, found, n_scores = own_rows_module._Chain, [], [0]
    monkeypatch.setattr(own_rows_module, "MANY_WEIGHTS", many)

    def watched(fit: Callable) -> Callable:
        def watch(self, index, sweep, mode):
            ended = fit(self, index, sweep, mode)
            form = self._forms[index]
            parts = own_fit.glm_fit(self.rows, self.units, index, "binomial", 0.01, form.back(ended.beta), 1).parts
            spread = np.sqrt(np.diagonal(np.linalg.inv(parts["information"])))
            ours = np.sqrt(np.diagonal(ended.information.covariance()))
            ratio = ours / np.sqrt(np.diagonal(np.linalg.inv(form.matrix(parts["information"]))))
            found.append((np.abs((form.back(ended.beta) - parts["beta"]) / spread).max(), np.abs(ratio - 1).max()))
            n_scores[0] += fit is newton
            return ended

        return watch

    newton = chain_type._fit
    for name in ("_fit", "_follow"):
        monkeypatch.setattr(chain_type, name, watched(getattr(chain_type, name)))
    make_file(n).complete()
    assert len(found) == 60
    assert n_scores[0] == (60 if many > 1e6 else 2 * 3)
    assert np.max(found, axis=0)[0] < off
    assert np.max(found, axis=0)[1] < off_spread


def test_own_rows_stay_in_the_memory_of_twice_the_matrix() -> None:
    random = np.random.default_rng(0)
    # Three full tiles, so that nothing is room for rows that never came.
    n, columns = 24_600, 20
    values = random.normal(size=(n, columns)) + random.normal(size=(n, 1))
    values[random.random((n, columns)) < 0.2] = np.nan
    file = File(values, [NUMERIC] * 3 + [PREDICTOR] * 17)
    region = Region(mmap.mmap(-1, 4 * values.nbytes))
    tracemalloc.start()
    try:
        own = file.complete(region=region)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    matrix = values.nbytes
    # The copy of the values that the test hands over is not of the product. Scratch is a few tiles, however many rows there are.
    assert own.n_sets == 10
    assert region.wipe() < 2.2 * matrix
    assert peak - matrix < 0.6 * matrix + 3 * TILE_BYTES


# --- the parts


def test_the_gradient_alone_is_that_of_the_score() -> None:
    file = make_file(400)
    own = file.complete()
    beta = np.random.default_rng(0).normal(size=5)
    score = kernels.glm_score(own.rows, own.units, 4, beta)
    np.testing.assert_allclose(kernels.glm_gradient(own.rows, own.units, 4, beta), score.parts["g"], rtol=1e-9, atol=1e-9)


def test_units_with_levels_of_their_own_are_those_of_the_codes() -> None:
    units = Units(np.array([1.3]), np.array([0.4]), np.array([1.3]), np.array([True]), np.array([[1.0, 2.0]]))
    coded = Units(np.array([0.3]), np.array([0.4]), np.array([0.3]), np.array([True]))
    assert units.threshold(0) == pytest.approx(coded.threshold(0))
    assert units.standardised_levels(0) == pytest.approx(coded.standardised_levels(0))
