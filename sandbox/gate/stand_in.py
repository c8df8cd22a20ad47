"""Who answers at central for a site that has stated its card: every kernel, from the card alone, in central's units. No question goes out.

* `gram`, `glm_fit` and `glm_gradient` of a continuous target: from the joint Gram times n_observed/n, weighted as its errors deserve
  (`sandbox.estimation.blurred`), or from the target's own Gram where the card states one. The algebra is that of kernels on rows.
* `glm_score` and `glm_gradient` of a binary target: the quadratic to which the site's stated fits are carried
  (`sandbox.estimation.reading`), around the common β once all cards are in (:func:`settle`), around the site's own fit before.
  `glm_fit`: the maximum of the quadratic around the own fit, with the ridge that is asked for instead of the site's own.
* `selection_score`: the quadratic of the stated θ and information.
* A site that never measured a column of the model states no fits: it takes no part in binary targets and in selection models. In its Gram
  that column is completed before (`unmeasured`), so that its rows count for continuous targets.
* `draw` does nothing: a site fills its missing cells itself, once.

Central's intercept is a column of zeros at sites.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from sandbox.contract import Contract
from sandbox.errors import Code
from sandbox.estimation.blurred import weighted
from sandbox.estimation.cholesky import factor
from sandbox.estimation.fits import penalty
from sandbox.estimation.reading import Quadratic, Reading, Stated, combined
from sandbox.gate import kernels, own_fit
from sandbox.gate.coding import multiples_of
from sandbox.gate.fit_units import FitUnits
from sandbox.gate.guard import Refusal
from sandbox.gate.kernels import Answer, Units
from sandbox.gate.rows import Matrix
from sandbox.gate.taken_card import Fields, Parts, as_floats, check_card_of, check_point, named
from sandbox.manifest import CARD
from sandbox.wire.messages import KernelCall

MIN_EVENTS: Final = 4.0
"""Events, and non-events, per coefficient at every site from which on a common point adds nothing to own fits without errors
(measured: `tests/statistics/cards.py`). The bias of own fits is read off (`sandbox.estimation.reading`), so that it does not depend on how
many sites there are."""
EVENTS_PER_VARIANCE: Final = 1.6
"""The same for each unit of the variance of a card's errors, from which on these cost a fit at most 5 % of its standard errors; the point
halves what they cost (measured: `tests/statistics/growth.py`). With an error of 2.5, as `default` has up to 500 rows, it is ten."""
SLACK: Final = 1e-3
"""What rounding may leave of a moment."""
N_SETTLINGS: Final = 2
"""Times that a common β of a continuous target is made anew with what the errors leave there."""


class StandIn:
    """One site's card, and what it answers."""

    def __init__(self, contract: Contract, units: Units, fields: Fields, *, has_central_intercept: bool, site: str = "") -> None:
        """Take in a card, and see that it can answer.

        Args:
            contract: of the job.
            units: central's, in which the Grams were asked for and all answers are.
            fields: the card, its declared fields and parts (`sandbox.manifest.CARD_PARTS`); `point.N` are taken in as they come.
            has_central_intercept: whether designs have a column for central's own intercept.
            site: whose card it is; every refusal says so.

        Raises:
            Refusal: a number of the card is not finite, or cannot be what it says.
        """
        self._site = site
        self._contract, self._units = contract, units
        check_card_of(site, fields, contract)
        self._has_fits = bool((as_floats(fields[CARD]["n_observed"]) > 0).all())
        """Whether the site measured every column of the model."""
        self._fields = dict(fields)
        self._n_intercepts = 2 if has_central_intercept else 1
        self._error = float(fields[CARD]["error"])
        """Size of the card's errors, in what a typical person adds."""
        self._fit_units = FitUnits.of(fields[CARD], units)
        self._grams: dict[int, Answer] = {}
        self._readings: dict[int, Reading] = {}
        self._quadratics: dict[int, Quadratic] = {}
        self._try()

    def _try(self) -> None:
        """Answer once of every target, so that a card that cannot is found as it comes and not in a sweep. Raises :class:`Refusal`."""
        with self._named():
            for target in self._contract.targets:
                if self.has_fit(target):
                    _finite(self._own_quadratic(target))
                _all_finite(*self.gram(target).parts.values())
                if (stated := self._fields.get(f"selection.{target}")) is not None:
                    exclusion = next(index for index in self._contract.design(target) if index not in self._contract.targets)
                    _finite(self._selection_quadratic(target, exclusion, stated))

    def _named(self) -> contextlib.AbstractContextManager[None]:
        """Whatever cannot be computed of this card is refused under its site's name."""
        return named(self._site)

    # --- what central asks

    def ask(self, call: KernelCall) -> Answer:
        """The answer of a kernel, without bounds (the log-likelihood's is 0: it is not rounded). Raises :class:`Refusal`."""
        with self._named():
            if call.target not in self._contract.targets:
                raise Refusal(Code.RULE_UNDECLARED)
            answer = self._answer(call)
            _all_finite(*answer.parts.values())
        bounds = {"loglik": np.asarray(0.0)} if "loglik" in answer.parts else {}
        return replace(answer, bounds=bounds)

    def draw(self, call: KernelCall) -> None:
        """Nothing: the site has filled its cells."""

    def _answer(self, call: KernelCall) -> Answer:
        target, is_binomial = call.target, call.family == "binomial"
        match call.kernel:
            case "gram":
                return self.gram(target)
            case "glm_score":
                return self._glm_score(target, self._numbers(call, self.q))
            case "glm_gradient":
                beta = self._numbers(call, self.q)
                return self._glm_gradient(target, beta) if is_binomial else own_fit.gaussian_gradient(self.gram(target), beta)
            case "glm_fit":
                return self._glm_fit(target, call.ridge or 0.0, is_binomial=is_binomial)
            case "selection_score":
                return self._selection_score(call)
            case _:
                raise Refusal(Code.RULE_UNDECLARED)

    def gram(self, target: int) -> Answer:
        """As the kernel of this name, of the rows with the target observed."""
        if target not in self._grams:
            self._grams[target] = self._gram_from(self.worth(target), target)
        return self._grams[target]

    def worth(self, target: int, direction: Matrix | None = None) -> Matrix:
        """Σ zz' over the rows with the target observed, worth what its errors leave of it; central's units, shape (c + 1, c + 1).

        `direction`: what a row is multiplied by to give a residual, at which errors are judged; None: that of the site's own fit.
        """
        position, full = self.place(target), self._full_gram(target)
        is_stated = f"gram.{target}" in self._fields
        if not self._error or is_stated or not self.n_observed(target) or self._units.is_binary[position]:
            return full
        with self._named():
            return self._weighted(full, position, direction)

    def settle_linear(self, target: int, direction: Matrix) -> None:
        """Answer of a continuous target with errors judged in this direction from now on, shape (c + 1,)."""
        answer = self._gram_from(self.worth(target, direction), target)
        with self._named():
            _all_finite(*answer.parts.values())
        self._grams[target] = answer

    def _gram_from(self, full: Matrix, target: int) -> Answer:
        if self._n_intercepts > 1:
            full = np.insert(np.insert(full, -1, 0.0, axis=0), -1, 0.0, axis=1)
        return kernels.gram_of(full, self.n_observed(target), self.place(target), self._units)

    def n_observed(self, target: int) -> int:
        """Rows with the target observed, as stated."""
        exact = self._fields.get(f"gram.{target}")
        if exact is not None:
            return int(exact["n"])
        return round(float(self._fields[CARD]["n_observed"][self.place(target)]))

    # --- binary targets

    def events_per_coefficient(self, target: int) -> float:
        """Events or non-events, whichever are fewer, per coefficient, from what the site stated; infinite without an observed row."""
        n = self.n_observed(target)
        if not n:
            return float("inf")
        position, gram = self.place(target), as_floats(self._fields[CARD]["gram"])
        mean = float(self._units.centre[position] + self._units.scale[position] * gram[position, -1] / gram[-1, -1])
        return n * min(max(mean, 0.0), max(1.0 - mean, 0.0)) / len(self._contract.model)

    def has_few_events(self, target: int) -> bool:
        """Whether the own fit of a target is too rough to go without a common point."""
        return self.events_per_coefficient(target) < max(MIN_EVENTS, EVENTS_PER_VARIANCE * self._error**2)

    @property
    def answers_points(self) -> bool:
        """Whether the site's policy answers a question at a common point."""
        return bool(self._fields[CARD]["answers_points"])

    def has_fit(self, target: int) -> bool:
        """Whether the site states a fit of a binary target, of at least one row."""
        return self._has_fits and f"fit.{target}" in self._fields

    def take_point(self, target: int, parts: Parts) -> None:
        """Take in the score at a common point of a target that has a fit. Raises :class:`Refusal`."""
        with self._named():
            check_point(parts)
        self._fields |= {f"point.{target}": parts}
        self._readings.pop(target, None)
        self._quadratics.pop(target, None)

    def at(self, target: int, beta: Matrix) -> Quadratic:
        """The quadratic around `beta` of a target that has a fit; central's units, shape (q,), both intercepts included."""
        with self._named():
            return _finite(self._reading(target).at(self.in_units_of_fit(target, beta)).moved(self._slopes(target)))

    def in_units_of_fit(self, target: int, beta: Matrix) -> Matrix:
        """A β of central's units in those of the site's own fit, in which it is asked for a point; shape (c,)."""
        beta_of_fit: Matrix = self._slopes(target) @ beta
        return beta_of_fit

    def settle(self, target: int, beta: Matrix) -> None:
        """Answer from the quadratic around `beta` from now on, shape (q,)."""
        self._quadratics[target] = self.at(target, beta)

    @property
    def q(self) -> int:
        """Coefficients of every target's design, intercepts included."""
        return len(self._contract.model) - 1 + self._n_intercepts

    def _glm_score(self, target: int, beta: Matrix) -> Answer:
        n, found = self._n_of_fit(target), self._quadratic(target)
        parts = {"n": np.asarray(n, np.int64), "H": found.H, "g": found.gradient(beta), "loglik": np.asarray(found.loglik(beta))}
        return Answer("glm_score", n, parts, {})

    def _glm_gradient(self, target: int, beta: Matrix) -> Answer:
        n = self._n_of_fit(target)
        parts = {"n": np.asarray(n, np.int64), "g": self._quadratic(target).gradient(beta)}
        return Answer("glm_gradient", n, parts, {})

    def _glm_fit(self, target: int, ridge: float, *, is_binomial: bool) -> Answer:
        n = self._n_of_fit(target) if is_binomial else self.n_observed(target)
        if not n:
            return own_fit.no_fit(self.q)
        if not is_binomial:
            # What a completed Gram tells of one target alone is singular.
            gram = self.gram(target) if self._has_fits else self._gram_from(self._share_of_joint(target), target)
            return own_fit.gaussian_fit(gram, ridge, self._n_intercepts)
        found = self._own_quadratic(target)
        information = found.H + np.diag(penalty(self.q, self._n_intercepts, ridge))
        beta = factor(information).solve(found.h)
        parts = {"n": np.asarray(n, np.int64), "beta": beta, "information": information, "sse": np.asarray(0.0)}
        return Answer("glm_fit", n, parts, {})

    def _n_of_fit(self, target: int) -> int:
        """Rows of the fit of a target. Raises :class:`Refusal` when there should be one, and is none."""
        if not self._has_fits:
            return 0
        if not self.has_fit(target):
            raise Refusal(Code.RULE_UNDECLARED)
        return self.n_observed(target)

    def _quadratic(self, target: int) -> Quadratic:
        if target not in self._quadratics:
            if not self.has_fit(target):
                return Quadratic(np.zeros((self.q, self.q)), np.zeros(self.q))
            self._quadratics[target] = self._own_quadratic(target)
        return self._quadratics[target]

    def _own_quadratic(self, target: int) -> Quadratic:
        """Around where the site stated a fit last."""
        reading = self._reading(target)
        return reading.at(reading.beta).moved(self._slopes(target))

    def _slopes(self, target: int) -> Matrix:
        return self._fit_units.slopes(self.place(target), self._n_intercepts)

    def _reading(self, target: int) -> Reading:
        if target not in self._readings:
            others = np.delete(np.arange(len(self._contract.model) + 1), self.place(target))
            change = self._fit_units.rows
            gram = (change.T @ self._full_gram(target) @ change)[np.ix_(others, others)]
            stated = self._fields[f"fit.{target}"]
            beta = as_floats(stated["beta"])
            # At the maximum of the likelihood with a ridge, its gradient is the ridge's.
            fits = [Stated(beta, self._fit_units.ridge[others] * beta, as_floats(stated["information"]))]
            if (point := self._fields.get(f"point.{target}")) is not None:
                fits.append(Stated(as_floats(point["beta"]), as_floats(point["gradient"]), as_floats(point["information"])))
            self._readings[target] = Reading(gram, self._fit_units.is_two_valued[others[:-1]], fits, self._error)
        return self._readings[target]

    # --- selection models

    def _selection_score(self, call: KernelCall) -> Answer:
        target, theta = call.target, self._numbers(call, 2 * self.q + 1)
        if call.exclusion not in self._contract.design(target):
            raise Refusal(Code.RULE_UNDECLARED)
        if not self._has_fits:
            return _no_selection(2 * self.q + 1)
        stated = self._fields.get(f"selection.{target}")
        if stated is None:
            raise Refusal(Code.RULE_UNDECLARED)
        # A site whose own fit did not converge states no rows.
        has_fit = float(stated["n"]) > 0
        n, n_selected = (round(float(self._fields[CARD]["n"])), self.n_observed(target)) if has_fit else (0, 0)
        found = self._selection_quadratic(target, call.exclusion, stated)
        counts = {"n": np.asarray(n, np.int64), "n_selected": np.asarray(n_selected, np.int64)}
        parts = {**counts, "H": found.H, "g": found.gradient(theta), "loglik": np.asarray(found.loglik(theta))}
        return Answer("selection_score", n, parts, {})

    def _selection_quadratic(self, target: int, exclusion_column: int, stated: Parts) -> Quadratic:
        """That of the stated θ, its ridge taken off, in central's units."""
        position, c = self.place(target), len(self._contract.model)
        others = np.delete(np.arange(c + 1), position)
        exclusion = int(np.flatnonzero(others == self.place(exclusion_column))[0])
        slopes = self._fit_units.slopes(position, self._n_intercepts)
        in_x = np.delete(np.delete(slopes, exclusion, axis=0), exclusion, axis=1)
        shift = np.zeros(2 * c + 1)
        if not self._units.is_binary[position]:
            # y of the fit = ratio · y + offset, and its residual likewise.
            ratio, offset = self._fit_units.rows[position, position], self._fit_units.rows[-1, position]
            in_x, shift[-3], shift[-2] = ratio * in_x, offset, np.log(ratio)
        change = block_diag(slopes, in_x, np.eye(2))
        ridge = np.append(self._fit_units.ridge[others[:-1]], 0.0)
        theta, information = as_floats(stated["theta"]), as_floats(stated["information"])
        gradient = np.concatenate([ridge, np.delete(ridge, exclusion), [0.0, 0.0]]) * theta
        return Quadratic.around(theta, gradient, information).moved(change, shift)

    # --- the card

    def _full_gram(self, target: int) -> Matrix:
        """Σ zz' over the rows with the target observed, central's units without its intercept, shape (c + 1, c + 1)."""
        exact = self._fields.get(f"gram.{target}")
        if exact is not None:
            return as_floats(exact["gram"])
        return self._share_of_joint(target)

    def _share_of_joint(self, target: int) -> Matrix:
        """The joint Gram as if it were that of the rows with the target observed."""
        joint = as_floats(self._fields[CARD]["gram"])
        full: Matrix = joint * (float(self._fields[CARD]["n_observed"][self.place(target)]) / joint[-1, -1])
        return full

    def _weighted(self, full: Matrix, position: int, direction: Matrix | None) -> Matrix:
        """See :meth:`worth`, of a continuous target at `position`."""
        change = self._fit_units.canonical
        back = np.linalg.inv(change)
        if direction is not None:
            direction = back @ direction
            direction = direction / direction[position]
        # The errors are those of all rows; what is said of the rows that show the target is a share of it.
        n = float(self._fields[CARD]["n"])
        multiples = np.append(multiples_of(n, as_floats(self._fields[CARD]["n_observed"])), 1.0)
        errors = self._error * full[-1, -1] / n * np.maximum.outer(multiples, multiples)
        gram = change.T @ full @ change
        # A standardised column has no second moment above 1: in units far from those of the rows nothing is left of a card but rounding.
        if not (np.diagonal(gram)[:-1][~self._fit_units.is_two_valued] <= gram[-1, -1] * (1.0 + SLACK)).all():
            raise Refusal(Code.CARD_IMPOSSIBLE)
        left = weighted(gram, position, self._fit_units.is_two_valued, errors, direction)
        found: Matrix = back.T @ left @ back
        return found

    def place(self, index: int) -> int:
        """Of a column in the model, from 0."""
        return self._contract.model.index(index)

    def _numbers(self, call: KernelCall, size: int) -> Matrix:
        """The coefficients of a call, shape (size,)."""
        array = call.theta if call.kernel == "selection_score" else call.beta
        if array is None or array.shape != (size,):
            raise Refusal(Code.RULE_UNDECLARED)
        return np.frombuffer(array.data)


def settle(stand_ins: Sequence[StandIn], target: int) -> Matrix | None:
    """Bring the cards of all sites to one β for a binary target, and have each site answer from the quadratic there.

    Returns:
        The β, shape (q,), at which a common point is asked where one is due; None when no site states a fit of the target.
    """
    known = [stand_in for stand_in in stand_ins if stand_in.has_fit(target)]
    if not known:
        return None
    beta = combined([partial(stand_in.at, target) for stand_in in known], known[0].q)
    for stand_in in known:
        stand_in.settle(target, beta)
    return beta


def settle_linear(stand_ins: Sequence[StandIn], target: int) -> None:
    """Judge the errors of all cards about a continuous target at one β, which is that of all sites together."""
    position = stand_ins[0].place(target)
    grams = [stand_in.worth(target) for stand_in in stand_ins]
    for _ in range(N_SETTLINGS):
        total = sum(grams, np.eye(len(grams[0])))
        others = np.delete(np.arange(len(total)), position)
        direction = np.insert(-np.linalg.solve(total[np.ix_(others, others)], total[others, position]), position, 1.0)
        grams = [stand_in.worth(target, direction) for stand_in in stand_ins]
    for stand_in in stand_ins:
        stand_in.settle_linear(target, direction)


def is_point_due(stand_ins: Sequence[StandIn], target: int) -> bool:
    """Whether own fits are too rough for a binary target, so that all sites should state their score at one common point.

    So it is when a site has few events or non-events per coefficient.
    """
    return any(stand_in.has_few_events(target) for stand_in in stand_ins if stand_in.has_fit(target))


def settle_all(stand_ins: Mapping[str, StandIn], contract: Contract) -> dict[str, dict[int, Matrix]]:
    """Settle every target; by site and target the common points that are due, in the units of the site's fit.

    A site whose policy answers none takes part by its own fit alone.
    """
    due: dict[str, dict[int, Matrix]] = {}
    sites = list(stand_ins.values())
    for target in contract.targets if sites else ():
        if not contract.column(target).is_binary:
            settle_linear(sites, target)
            continue
        beta = settle(sites, target)
        if beta is None or not is_point_due(sites, target):
            continue
        for name, site in stand_ins.items():
            if site.answers_points and site.has_fit(target):
                due.setdefault(name, {})[target] = site.in_units_of_fit(target, beta)
    return due


def _no_selection(t: int) -> Answer:
    """The score of a selection model of no rows; t = coefficients."""
    none = np.asarray(0, np.int64)
    parts = {"n": none, "n_selected": none, "H": np.zeros((t, t)), "g": np.zeros(t), "loglik": np.asarray(0.0)}
    return Answer("selection_score", 0, parts, {})


def _finite(quadratic: Quadratic) -> Quadratic:
    _all_finite(quadratic.H, quadratic.h)
    return quadratic


def _all_finite(*parts: npt.NDArray[np.generic]) -> None:
    if not all(np.isfinite(as_floats(part)).all() for part in parts):
        raise Refusal(Code.CARD_IMPOSSIBLE)
