"""The card of a file: what it states, that one question has one answer, and that nothing but its numbers depends on rows."""

from __future__ import annotations

import gc
import mmap
import types
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import optimize, special

from policies import Policy, built_in
from policies.life_budget import error_size
from sandbox.gate import card as card_module
from sandbox.gate.card import Card, Wants, make_card
from sandbox.gate.coding import Frame
from sandbox.gate.dataset import Dataset
from sandbox.gate.guard import Refusal
from sandbox.gate.own_rows import complete
from sandbox.gate.region import Region
from sandbox.gate.stated_fits import INTERCEPT_RIDGE, RIDGE, Released
from sandbox.gate.stated_selection import SelectionWanted
from sandbox.gate.sticky import Errors
from sandbox.gate.tiles import Tiles
from sandbox.manifest import CARD_PARTS
from tests.sandbox.gate.filled import FilledRows, contract_of

NAMES = ("age", "sex", "lab", "dose", "event", "relapse")
DEFAULT, STRICT, RESEARCH = (built_in(name) for name in ("default", "strict", "research"))
BIT = msgspec.structs.replace(DEFAULT, max_fits=1, error=0.5)
Values = np.ndarray


N = 400


def people(n: int = N, seed: int = 1, missing: float = 0.0) -> dict[str, Values]:
    """Columns of a file; the events and the last lab are missing for some."""
    random = np.random.default_rng(seed)
    age, lab = random.normal(60, 12, n).round(), random.gamma(2.0, 3.0, n).round(2)
    sex = (random.random(n) < 0.4).astype(float)
    dose = (5 + 0.3 * lab - 0.05 * age + random.normal(size=n)).round(2)
    event = (random.random(n) < special.expit((age - 60) / 15 + sex - 1.5)).astype(float)
    relapse = (random.random(n) < special.expit(0.3 * lab - 3 + event)).astype(float)
    file = dict(zip(NAMES, (age, sex, lab, dose, event, relapse), strict=True))
    for name in ("dose", "event", "relapse"):
        file[name] = np.where(random.random(n) < missing, np.nan, file[name])
    return file


def card_of(file: dict[str, Values], policy: Policy = DEFAULT, *, secret: bytes = b"s" * 32, life: bytes = b"life", **options: Any) -> Card:
    """A card with the own fits of all binary targets of the file."""
    contract = contract_of(
        list(file),
        continuous=[name for name in file if name == "dose"],
        binary=[name for name in file if name in options.get("binary", ("event", "relapse"))],
    )
    own = FilledRows(np.column_stack(list(file.values())), contract)
    fits = tuple(index for index in contract.targets if contract.column(index).is_binary)
    wants = Wants(fits, options.get("selection", ()))
    return make_card(own, contract, Errors(secret, life, error_size(policy, own.rows.n)), policy, wants)


def raw_gram(card: Card) -> Values:
    k = len(card._model)
    return np.asarray(card.stated(np.zeros(k), np.ones(k))["card"]["gram"])


def exact_gram(file: dict[str, Values]) -> Values:
    Z = np.column_stack([*file.values(), np.ones(len(file["age"]))])
    return Z.T @ Z


def fit_of(card: Card, target: int) -> tuple[Values, Values]:
    """β̃ and the frame that it is in, as who reads the card finds them."""
    return np.asarray(card.fits[target].beta), card._released.frame


# --- what is stated


def test_the_parts_of_a_card_are_those_that_are_declared() -> None:
    file = people(missing=0.2)
    wanted = SelectionWanted(NAMES.index("dose") + 1, NAMES.index("lab") + 1, "gaussian")
    card = card_of(file, RESEARCH, selection=(wanted,))
    fields = card.stated(np.zeros(6), np.ones(6))
    fields["point.5"] = card.score(5, np.zeros(6))
    assert set(fields) == {"card", "fit.5", "fit.6", "gram.4", "gram.5", "gram.6", "selection.4", "point.5"}
    sizes = {"c": 6, "d": 7, "s": 13, "2": 2}
    for name, parts in fields.items():
        declared = CARD_PARTS[name.split(".")[0]]
        assert set(parts) == set(declared)
        for part, (dtype, shape) in declared.items():
            assert parts[part].dtype == np.dtype(dtype), (name, part)
            assert parts[part].shape == tuple(sizes[symbol] for symbol in shape), (name, part)


def test_without_errors_all_is_exact() -> None:
    file = people(missing=0.2)
    complete = people()
    card = card_of(complete, RESEARCH)
    assert raw_gram(card) == pytest.approx(exact_gram(complete), rel=1e-9)
    incomplete = card_of(file, RESEARCH)
    margins = incomplete.margins().parts
    for place, values in enumerate(file.values()):
        seen = values[~np.isnan(values)]
        assert margins["n"][place] == len(seen)
        assert margins["total"][place] == pytest.approx(seen.sum(), rel=1e-9)
        assert margins["total_squares"][place] == pytest.approx(seen @ seen, rel=1e-9)
    stated = incomplete.stated(np.zeros(6), np.ones(6))
    seen = ~np.isnan(file["event"])
    gram = stated["gram.5"]
    assert gram["n"] == seen.sum()
    columns = np.column_stack([file["age"], file["sex"], file["lab"], file["event"], np.ones(len(seen))])[seen]
    assert gram["gram"][np.ix_([0, 1, 2, 4, 6], [0, 1, 2, 4, 6])] == pytest.approx(columns.T @ columns, rel=1e-9)
    assert list(stated["card"]["levels"][1]) == [0.0, 1.0]
    assert list(stated["card"]["levels"][0]) == [0.0, 0.0]


def test_exact_grams_are_not_stated_where_there_are_errors() -> None:
    card = card_of(people(), msgspec.structs.replace(RESEARCH, error=1.0))
    assert not any(name.startswith("gram.") for name in card.stated(np.zeros(6), np.ones(6)))


@pytest.mark.parametrize("two_values", [(0.0, 1.0), (1.0, 2.0), (7.0, -3.0)])
def test_an_own_fit_is_the_penalised_maximum_in_released_units(two_values: tuple[float, float]) -> None:
    file = people(missing=0.15)
    # One completed set with one likelihood: the rows that show the event, of which predictors are complete.
    file = {name: file[name] for name in ("age", "sex", "lab", "event")}
    sex = file["sex"].copy()
    file["sex"] = np.where(sex == 0, *two_values)
    card = card_of(file, RESEARCH)
    beta, frame = fit_of(card, 4)
    seen = ~np.isnan(file["event"])
    high = max(two_values)
    X = np.column_stack([file["age"], file["sex"], file["lab"]])
    coded = np.column_stack([(X - frame.centre[:3]) / frame.scale[:3], np.ones(len(X))])[seen]
    assert set(coded[:, 1]) == {0.0, 1.0}
    assert coded[file["sex"][seen] == high, 1].min() == 1.0
    share = (file["sex"] == high).mean()
    penalty = np.array([RIDGE, RIDGE * share * (1 - share), RIDGE, INTERCEPT_RIDGE])
    y = file["event"][seen]

    def objective(b: Values) -> float:
        eta = coded @ b
        return float(np.logaddexp(0, eta).sum() - y @ eta + 0.5 * penalty @ b**2)

    def gradient(b: Values) -> Values:
        return np.asarray(coded.T @ (special.expit(coded @ b) - y) + penalty * b)

    best = optimize.minimize(objective, np.zeros(4), jac=gradient, method="BFGS", options={"gtol": 1e-9})
    assert beta == pytest.approx(best.x, abs=1e-6)
    p = special.expit(coded @ beta)
    assert card.fits[4].information == pytest.approx((p * (1 - p)) @ coded**2, rel=1e-7)
    assert card.fits[4].n == seen.sum()


def test_a_target_without_events_has_a_finite_fit_that_does_not_say_so() -> None:
    file = people()
    file["event"] = np.zeros(400)
    tells = []
    for seed in range(30):
        card = card_of(file, secret=bytes([seed]) * 32)
        assert np.isfinite(card.fits[5].beta).all()
        # Σ p at β̃, as who knows the predictors computes it.
        frame = card._released.frame
        X = np.column_stack([(file[name] - frame.centre[j]) / frame.scale[j] for j, name in enumerate(NAMES) if j != 4] + [np.ones(400)])
        tells.append(special.expit(X @ card.fits[5].beta).sum())
    assert max(tells) > 0.5


def test_the_table_counts_every_different_number_once() -> None:
    file = people(missing=0.2)
    card = card_of(file)
    lines = {(line.what, line.target): line for line in card.table()}
    gram = raw_gram(card)
    n_different = len(np.unique(gram[np.triu_indices(7)].round(6)))
    assert lines["gram", 0].n_numbers == n_different - 1
    assert lines["gram", 0].error == lines["fit.beta", 5].error == error_size(DEFAULT, N)
    assert lines["rows", 0].error == 0.0
    fields = card.stated(np.zeros(6), np.ones(6))
    assert {line.target for line in card.table() if line.what == "fit.beta"} == {5, 6}
    assert lines["fit.beta", 5].shape == fields["fit.5"]["beta"].shape
    assert lines["levels", 0].n_numbers == 2 * np.count_nonzero(np.ptp(fields["card"]["levels"], axis=1))


# --- errors


def test_counts_of_people_err_by_one_person_and_are_one_number() -> None:
    file, errors = people(), []
    exact = exact_gram(file)
    for seed in range(60):
        gram = raw_gram(card_of(file, secret=bytes([seed]) * 32))
        for j in (1, 4, 5):
            assert gram[j, j] == pytest.approx(gram[j, -1], rel=1e-12)
        errors.append([gram[j, k] - exact[j, k] for j, k in ((1, 6), (4, 6), (1, 4), (1, 5), (4, 5))])
    # 60 · 5 numbers: their root mean square is within a tenth of the size, which is one of the 0/1 coding whatever the direction.
    assert np.sqrt(np.mean(np.square(errors))) > 0.9 * error_size(DEFAULT, N)


def test_a_mean_is_known_no_better_than_its_sum() -> None:
    """Control: without errors it is the exact mean."""
    file = people()
    released = [raw_gram(card_of(file, secret=bytes([seed]) * 32))[0, -1] for seed in range(40)]
    spread = np.std(np.array(released) - file["age"].sum())
    assert spread > 0.7 * error_size(DEFAULT, N) * file["age"].std()
    assert raw_gram(card_of(file, RESEARCH))[0, -1] == pytest.approx(file["age"].sum(), rel=1e-12)


def test_a_gram_is_positive_definite_however_large_its_errors_are() -> None:
    file = people(60)
    for seed in range(20):
        card = card_of(file, msgspec.structs.replace(STRICT, error=8.0), secret=bytes([seed]) * 32)
        assert np.linalg.eigvalsh(card._released.gram).min() > 0
        gram = raw_gram(card)
        assert np.linalg.eigvalsh(gram).min() > 0
        assert gram[1, 1] == pytest.approx(gram[1, -1], rel=1e-12)
        margins = card.margins().parts
        assert (margins["total_squares"] * margins["n"] > margins["total"] ** 2).all()
        assert (np.asarray(margins["n"]) <= 60).all()
        for fit in card.fits.values():
            assert (fit.information > 0).all()


def test_the_size_of_errors_is_the_policys_whatever_a_job_asks() -> None:
    """Two sizes of one error: √3 times one card minus the other had all sums to 1e-12. So errors of another size are other ones."""
    file = people()
    contract = contract_of(NAMES, continuous=["dose"], binary=["event", "relapse"])
    own = FilledRows(np.column_stack(list(file.values())), contract)
    with pytest.raises(ValueError, match="policy"):
        make_card(own, contract, Errors(b"s" * 32, b"life", 0.0), DEFAULT, Wants())
    one, other = (
        (raw_gram(card_of(file, msgspec.structs.replace(BIT, error=size))) - exact_gram(file))[:-1] / size for size in (0.25, 0.5)
    )
    # Alike in size, but otherwise of no kin: were they one error, the ratio would be 1 everywhere.
    assert 0.2 < np.median(np.abs(one / other)) < 5
    assert np.quantile(np.abs(one / other - 1), 0.1) > 0.02


# --- one question has one answer


def shuffled(file: dict[str, Values]) -> dict[str, Values]:
    order = np.random.default_rng(9).permutation(len(file["age"]))
    return {name: values[order] for name, values in file.items()}


def in_other_units(file: dict[str, Values]) -> dict[str, Values]:
    return {**file, "age": file["age"] * 12 + 3, "lab": file["lab"] / 2.54}


def turned_round(file: dict[str, Values]) -> dict[str, Values]:
    return {**file, "age": -file["age"], "sex": 1 - file["sex"], "lab": 7 - file["lab"]}


def spelled_otherwise(file: dict[str, Values]) -> dict[str, Values]:
    return {**file, "sex": file["sex"] + 1}


def in_another_order(file: dict[str, Values]) -> dict[str, Values]:
    return {name: file[name] for name in ("event", "lab", "age", "relapse", "dose", "sex")}


def affine(file: dict[str, Values], other: dict[str, Values]) -> Frame:
    """Centre and scale that make the columns of `other`, which are those of `file` in other units, what they are in `file`."""
    scale, centre = [], []
    for name in other:
        seen = ~np.isnan(file[name])
        ratio = np.polyfit(file[name][seen], other[name][seen], 1) if name in ("age", "sex", "lab") else (1.0, 0.0)
        scale.append(ratio[0])
        centre.append(ratio[1])
    return Frame(np.array(centre), np.array(scale))


TRANSFORMATIONS = [shuffled, in_other_units, turned_round, spelled_otherwise, in_another_order]


@pytest.mark.parametrize("change", TRANSFORMATIONS)
def test_one_question_has_one_answer(change: Callable[[dict[str, Values]], dict[str, Values]]) -> None:
    """Order of rows and columns, units, direction and spelling change no number of a card."""
    file = people()
    other = change(file)
    card, same = card_of(file), card_of(other)
    names = list(other)
    frame = Frame(np.zeros(6), np.ones(6)) if change in (shuffled, in_another_order) else affine(file, other)
    gram = np.asarray(same._gram_in(frame))
    places = [*(names.index(name) for name in file), 6]
    assert gram[np.ix_(places, places)] == pytest.approx(raw_gram(card), rel=1e-9)
    assert same.n_observed[places[:-1]] == pytest.approx(card.n_observed)
    for name in ("event", "relapse"):
        eta = []
        for one, its_file in ((card, file), (same, {n: (other if change is not shuffled else file)[n] for n in names})):
            its_names = list(its_file)
            index = its_names.index(name) + 1
            beta, units = fit_of(one, index)
            kept = [j for j in range(6) if j != index - 1]
            Z = np.column_stack(list(its_file.values()))
            eta.append(((Z - units.centre) / units.scale)[:, kept] @ beta[:-1] + beta[-1])
        # The ridge is on 0/1 coefficients and the intercept, so that a turned column moves the fit by a hundredth of the ridge.
        assert eta[0] == pytest.approx(eta[1], abs=2e-3 if change is turned_round else 1e-6)


@pytest.mark.parametrize("kept", [("age", "sex", "dose"), ("age", "lab", "event"), ("sex", "dose", "event", "relapse"), ("relapse", "age")])
def test_the_numbers_of_two_columns_do_not_depend_on_what_else_is_in_the_model(kept: tuple[str, ...]) -> None:
    """Nor on which of them are targets. Bit by bit what leaves of a pair is one number for the life of a file."""
    file = people(200)
    card = card_of(file)
    part = card_of({name: file[name] for name in kept})
    places = [*(list(file).index(name) for name in kept), 6]
    assert raw_gram(part) == pytest.approx(raw_gram(card)[np.ix_(places, places)], rel=1e-9)
    assert part.n_observed == pytest.approx(card.n_observed[places[:-1]])


def test_a_binary_target_and_a_predictor_of_two_values_have_one_error() -> None:
    file = people()
    assert raw_gram(card_of(file, binary=())) == pytest.approx(raw_gram(card_of(file)), rel=1e-9)


def test_with_floored_correlations_the_card_is_a_function_of_the_noisy_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The floor looks at all columns; what it looks at is the same in every job, and it keeps counts, sums and variances."""
    file = people(60)
    policy = msgspec.structs.replace(STRICT, error=4.0)
    noisy = []
    settled = card_module.settled
    monkeypatch.setattr(card_module, "settled", lambda gram, mask, n: (noisy.append(gram.copy()), settled(gram, mask, n))[1])
    whole, part = card_of(file, policy), card_of({name: file[name] for name in ("age", "lab", "event")}, policy)
    places = [0, 2, 4, 6]
    assert np.abs(noisy[1] - noisy[0][np.ix_(places, places)]).max() < 1e-9
    assert np.linalg.eigvalsh(noisy[0]).min() < 0
    assert np.diagonal(raw_gram(part)) == pytest.approx(np.diagonal(raw_gram(whole))[places], rel=1e-9)
    assert raw_gram(part)[-1] == pytest.approx(raw_gram(whole)[-1, places], rel=1e-9)


def test_another_set_of_filled_cells_has_other_errors_in_half() -> None:
    """Where cells are filled a job with other columns may fill them otherwise: the difference of its sums must not be exact."""
    file = people(missing=0.3)
    contract = contract_of(NAMES, continuous=["dose"], binary=["event", "relapse"])
    values = np.column_stack(list(file.values()))
    errors = Errors(b"s" * 32, b"life", error_size(DEFAULT, N))
    cards, exact = [], []
    for seed in range(2):
        cards.append(make_card(FilledRows(values, contract, seed=seed), contract, errors, DEFAULT, Wants()))
        none = Errors(b"s" * 32, b"life", 0.0)
        exact.append(make_card(FilledRows(values, contract, seed=seed), contract, none, RESEARCH, Wants()))
    moved = (cards[0]._released.gram - exact[0]._released.gram) - (cards[1]._released.gram - exact[1]._released.gram)
    filled = np.abs(moved[3:6, :6][np.abs(exact[0]._released.gram - exact[1]._released.gram)[3:6, :6] > 1e-6])
    assert len(filled) > 10
    assert filled.min() > 1e-6
    assert np.abs(moved[:3, :3]).max() < 1e-9


# --- with the site's own chained equations


def completed(file: dict[str, Values], policy: Policy = DEFAULT) -> Card:
    contract = contract_of(list(file), continuous=["dose"], binary=["event", "relapse"])
    n, k = len(file["age"]), len(file)
    region = Region(mmap.mmap(-1, 32 << 20))
    tiles = Tiles(region, k + 1)
    tiles.append(np.column_stack(list(file.values())))
    own = complete(Dataset(contract, {index: index - 1 for index in contract.model}, tiles), b"s" * 32, region)
    assert own.rows.n == n
    fits = tuple(index for index in contract.targets if contract.column(index).is_binary)
    return make_card(own, contract, Errors(b"s" * 32, b"life", error_size(policy, own.rows.n)), policy, Wants(fits))


@pytest.mark.parametrize("change", TRANSFORMATIONS)
def test_one_question_has_one_answer_where_cells_are_missing(change: Callable[[dict[str, Values]], dict[str, Values]]) -> None:
    file = people(missing=0.2)
    file["lab"] = np.where(np.random.default_rng(4).random(400) < 0.1, np.nan, file["lab"])
    other = change(file)
    card, same = completed(file), completed(other)
    names = list(other)
    frame = Frame(np.zeros(6), np.ones(6)) if change in (shuffled, in_another_order) else affine(file, other)
    places = [*(names.index(name) for name in file), 6]
    gram = np.asarray(same._gram_in(frame))[np.ix_(places, places)]
    # Kept cells are of single precision.
    assert gram == pytest.approx(raw_gram(card), rel=2e-5)
    assert same.n_observed[places[:-1]] == pytest.approx(card.n_observed)
    before, after = card.fits[5], same.fits[names.index("event") + 1]
    assert after.n == before.n
    assert after.information[-1] == pytest.approx(before.information[-1], rel=5e-4)


# --- after the card is made


def arrays_within(thing: object) -> list[Values]:
    """All arrays that are reachable from an object of the gate, those that are views as what they are views of."""
    found: dict[int, Values] = {}
    seen, left = set(), [thing]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            while isinstance(one.base, np.ndarray):
                one = one.base
            found[id(one)] = one
        left += gc.get_referents(one)
    return list(found.values())


def test_a_card_holds_no_copy_of_rows_or_of_their_codes_outside_the_region() -> None:
    """Control: the rows that a score at a common point is made of are reachable, and lie in the region."""
    n = 2000
    card = completed(people(n, missing=0.2))
    memory = card._own.rows._tiles._region._memory
    arrays = arrays_within(card)
    assert any(np.may_share_memory(array, memory) for array in arrays)
    outside = [array for array in arrays if not np.may_share_memory(array, memory)]
    assert outside
    assert max(array.size for array in outside) < n / 4


def test_after_the_card_is_made_only_two_parts_of_a_score_depend_on_rows() -> None:
    file = people(missing=0.2)
    contract = contract_of(NAMES, continuous=["dose"], binary=["event", "relapse"])
    values = np.column_stack(list(file.values()))

    def make() -> tuple[FilledRows, Card]:
        own = FilledRows(values, contract)
        return own, make_card(own, contract, Errors(b"s" * 32, b"life", error_size(DEFAULT, N)), DEFAULT, Wants((5, 6)))

    (_, clean), (own, tainted) = make(), make()
    own.poison()
    for name, parts in clean.stated(np.ones(6), np.full(6, 2.0)).items():
        for part, value in parts.items():
            assert np.array_equal(tainted.stated(np.ones(6), np.full(6, 2.0))[name][part], value), (name, part)
    for part, value in clean.margins().parts.items():
        assert np.array_equal(tainted.margins().parts[part], value)
    assert clean.table() == tainted.table()
    for far in (0.01, 5.0, 1e6):
        beta = far * np.ones(6)
        assert np.array_equal(clean.pulled_in(5, beta), tainted.pulled_in(5, beta))
    with np.errstate(invalid="ignore"):
        score, other = clean.score(5, np.ones(6)), tainted.score(5, np.ones(6))
    assert np.array_equal(score["beta"], other["beta"])
    assert {part: value.shape for part, value in score.items()} == {part: value.shape for part, value in other.items()}
    assert not np.isfinite(other["gradient"]).any()
    assert not np.isfinite(other["information"]).any()
    assert np.isfinite(score["gradient"]).all()
    for refused in (np.full(6, np.nan), np.ones(5)):
        for card in (clean, tainted):
            with pytest.raises(Refusal):
                card.score(5, refused)


def test_a_far_point_is_pulled_in_to_the_reach_and_a_near_one_is_not() -> None:
    card = card_of(people())
    fit = card.fits[5]
    direction = np.random.default_rng(3).normal(size=6)
    near = fit.beta + 1e-3 * direction
    assert np.array_equal(card.pulled_in(5, near), near)
    far = card.pulled_in(5, fit.beta + 50.0 * direction)
    share = (far - fit.beta) / direction
    assert share == pytest.approx(np.full(6, share[0]), rel=1e-9)
    further = card.pulled_in(5, fit.beta + 500.0 * direction)
    assert further == pytest.approx(far, rel=1e-9)
    # By the rows themselves it is about the reach: the metric is estimated.
    frame, file = card._released.frame, people()
    X = np.column_stack([(file[name] - frame.centre[j]) / frame.scale[j] for j, name in enumerate(NAMES) if j != 4] + [np.ones(400)])
    p = special.expit(X @ fit.beta)
    distance = np.sqrt(np.average((X @ (far - fit.beta)) ** 2, weights=p * (1 - p)))
    assert distance == pytest.approx(DEFAULT.reach, rel=0.25)


def test_the_first_common_point_sticks() -> None:
    card = card_of(people())
    fit = card.fits[5]
    first = card.score(5, fit.beta + 0.05)
    second = card.score(5, fit.beta - 0.05)
    for part, value in first.items():
        assert np.array_equal(second[part], value)
    assert first["beta"] == pytest.approx(fit.beta + 0.05, abs=1e-8)


def test_no_common_point_is_answered_under_a_policy_of_none_or_without_an_own_fit() -> None:
    with pytest.raises(Refusal):
        card_of(people(), STRICT).score(5, np.zeros(6))
    with pytest.raises(Refusal):
        card_of(people()).score(4, np.zeros(6))


def test_an_exact_score_is_that_of_the_rows() -> None:
    file = people()
    card = card_of(file, RESEARCH)
    beta = np.array([0.1, -0.2, 0.3, 0.0, 0.2, -0.4])
    score = card.score(5, beta)
    frame = card._released.frame
    X = np.column_stack([(file[name] - frame.centre[j]) / frame.scale[j] for j, name in enumerate(NAMES) if j != 4] + [np.ones(400)])
    p = special.expit(X @ beta)
    assert score["beta"] == pytest.approx(beta)
    assert score["gradient"] == pytest.approx(X.T @ (file["event"] - p), rel=1e-8, abs=1e-8)
    assert score["information"] == pytest.approx((p * (1 - p)) @ X**2, rel=1e-8)


# --- units


def test_the_units_of_fits_follow_from_released_numbers() -> None:
    """Control: the exact means are not those units under a policy with errors."""
    file = people()
    card = card_of(file)
    gram, n = raw_gram(card), card.n
    mean = gram[:-1, -1] / n
    spread = np.sqrt(np.diagonal(gram)[:-1] / n - mean**2)
    frame, levels = card._released.frame, card._released.coding.levels
    numeric = ~card.is_two_valued
    assert frame.centre[numeric] == pytest.approx(mean[numeric], rel=1e-9)
    assert frame.scale[numeric] == pytest.approx(spread[numeric], rel=1e-9)
    assert frame.centre[~numeric] == pytest.approx(levels[~numeric, 0])
    assert abs(frame.centre[0] - file["age"].mean()) > 1e-3
    # The penalty, too.
    released: Released = card._released
    share = mean[1]
    assert released.penalty([0, 1]) == pytest.approx([RIDGE, RIDGE * share * (1 - share), INTERCEPT_RIDGE])


# --- selection models


@pytest.mark.parametrize("name", ["dose", "event"])
def test_the_own_fit_of_a_selection_model_is_a_maximum_and_turns_with_its_columns(name: str) -> None:
    file = selected(name)
    names = list(file)
    target = names.index(name) + 1
    wanted = SelectionWanted(target, names.index("shift") + 1, "gaussian" if name == "dose" else "binomial")
    card = card_of(file, RESEARCH, selection=(wanted,))
    stated = card.selections[target]
    assert stated.n == len(file["age"])
    free = np.ones(len(stated.theta), dtype=bool)
    free[-2] = name == "dose"
    assert np.linalg.eigvalsh(stated.information[np.ix_(free, free)]).min() > 0
    turned = {**file, "age": -file["age"], "shift": 3 - 2 * file["shift"]}
    other = card_of(turned, RESEARCH, selection=(wanted,)).selections[target]
    q = len(names)
    sign = np.ones(q)
    sign[[names.index("age") - (target < names.index("age") + 1), names.index("shift") - (target < names.index("shift") + 1)]] = -1
    assert other.theta[:q] == pytest.approx(sign * stated.theta[:q], abs=1e-4)
    assert other.theta[-2:] == pytest.approx(stated.theta[-2:], abs=1e-4)


def selected(name: str, n: int = 1500) -> dict[str, Values]:
    random = np.random.default_rng(5)
    age, shift = random.normal(60, 10, n), random.normal(size=n)
    noise = random.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    outcome = 0.6 * (age - 60) / 10 + noise[:, 1]
    outcome = (outcome > 0.2).astype(float) if name == "event" else 20 + 3 * outcome
    is_seen = 0.5 + 0.9 * shift + 0.3 * (age - 60) / 10 + noise[:, 0] > 0
    return {"age": age.round(1), "shift": shift.round(2), name: np.where(is_seen, outcome, np.nan)}


def test_the_stated_selection_model_has_errors_and_is_positive_definite() -> None:
    file = selected("dose")
    wanted = SelectionWanted(3, 2, "gaussian")
    exact = card_of(file, RESEARCH, selection=(wanted,)).selections[3]
    moves = []
    for seed in range(12):
        stated = card_of(file, selection=(wanted,), secret=bytes([seed]) * 32).selections[3]
        assert np.linalg.eigvalsh(stated.information).min() > 0
        spread = np.sqrt(np.diagonal(np.linalg.inv(exact.information)))
        moves.append((stated.theta - exact.theta) / spread)
    # Less than half a standard error, and not nothing.
    assert 0.02 < np.sqrt(np.mean(np.square(moves))) < 0.5


@pytest.mark.parametrize("reason", ["missing nowhere", "seldom shown"])
def test_a_selection_model_that_does_not_converge_is_said_to_be_none(reason: str) -> None:
    file = selected("dose", 60)
    is_seen = np.arange(60) >= (0 if reason == "missing nowhere" else 57)
    file["dose"] = np.where(is_seen, np.arange(60.0) % 7, np.nan)
    stated = card_of(file, selection=(SelectionWanted(3, 2, "gaussian"),)).selections[3]
    assert stated.n == 0.0
    assert not stated.theta.any()
    assert not stated.information.any()
