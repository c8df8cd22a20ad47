"""The information of a logistic fit from second moments: what a card states of a fit is its coefficients and the diagonal, not the matrix.

H = Σ w x x' with w = p(1 − p) depends on rows only through x and η = x'β, and the Gram knows their means and covariances:

* Numeric with numeric, and with the intercept. With x and η jointly normal, Stein's identity (Stein 1981) gives
  E[w x x'] = a(Σ + μμ') + c(μ(Σβ)' + Σβ μ') + d Σβ(Σβ)', where a, c, d are the means of w and of its first and second derivative.
* A column of zeros and ones with anything. Its own entry with the intercept is its diagonal, exactly, since u² = u. With a numeric column
  it is Σ w x over the rows that have a one: these have mean G[a, ·]/G[a, a] and, of the other columns of zeros and ones, the variance that
  a known mean implies. Levels of one category never occur together: they have entries of 0, and are held fixed together.
* Two columns of zeros and ones: the rows that have both, G[a, b] of them, at the mean that the Gram predicts for them.

At last rows and columns are scaled so that the diagonal is the stated one, and correlations that no rows could have are floored away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from sandbox.estimation.arrays import Floats

N_NODES: Final = 40
"""Of the quadrature; with an sd of η of 5 the three means are right to 1e-3."""
SMALLEST_CORRELATION: Final = 0.002
"""Smallest eigenvalue of the information scaled to a unit diagonal."""
OF_GRAM: Final = 0.25
"""The floor as a share of the Gram's own smallest eigenvalue, where that is smaller: columns that are nearly one another's sums are so."""
NOTHING: Final = 1e-12
"""A share of rows that counts as nobody, or a variance that counts as none."""
RARELY: Final = 0.25
"""Columns of zeros and ones that occur together less often than this share of what they would by chance are levels of one category."""
LARGEST_CHANGE: Final = 4.0
"""Of a diagonal that is carried to another β, up or down."""
SLIGHTLY: Final = 1e-9
"""What is added to variances, as a share, where columns may be the same."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(N_NODES)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def information(gram: Floats, beta: Floats, diagonal: Floats, is_two_valued: Mask) -> Floats:
    """The information matrix at `beta`, shape (q, q); see :class:`Design`, which keeps what is the same for every β.

    Args:
        gram: Σ zz' over the rows of the fit, shape (q, q), the intercept last, so that its last entry is the number of rows. Numeric
            columns centred (Stein's identity is scaled to their diagonal, which must be that of spread), two-valued ones 0 and 1.
        beta: shape (q,).
        diagonal: Σ w z², shape (q,), positive.
        is_two_valued: which columns are 0 and 1, shape (q − 1,).
    """
    return Design(gram, is_two_valued).information(beta, diagonal)


class Design:
    """The rows of a fit as far as their Gram knows them."""

    def __init__(self, gram: Floats, is_two_valued: Mask) -> None:
        """As :func:`information`."""
        self.n: Final = float(gram[-1, -1])
        moments = gram / self.n
        self._mean: Floats = moments[:-1, -1]
        self._covariance: Floats = moments[:-1, :-1] - np.outer(self._mean, self._mean)
        sizes = np.sqrt(np.maximum(np.diagonal(moments), NOTHING))
        smallest = float(np.linalg.eigvalsh(moments / np.outer(sizes, sizes))[0])
        # A Gram that no rows could have knows nothing of such columns.
        self._floor = min(SMALLEST_CORRELATION, OF_GRAM * smallest) if smallest > SLIGHTLY else SMALLEST_CORRELATION
        self._ones = np.flatnonzero(is_two_valued)
        self._numeric = np.flatnonzero(~is_two_valued)
        self._share: Floats = np.clip(np.diagonal(moments)[self._ones], NOTHING, 1.0)
        first, second = np.triu_indices(len(self._ones), 1)
        both = np.minimum(moments[self._ones[first], self._ones[second]], np.minimum(self._share[first], self._share[second]))
        # A cross count is blurred by people: below 0 it says nobody.
        occurs = both > NOTHING
        self._first, self._second, self._both = self._ones[first[occurs]], self._ones[second[occurs]], both[occurs]
        self._levels = _Levels.of(self._mean, self._covariance, is_two_valued, self._ones)
        self._pairs = _Pairs.of(self._mean, self._covariance, is_two_valued, self._first, self._second)

    def information(self, beta: Floats, diagonal: Floats) -> Floats:
        """The information matrix at `beta`, shape (q, q): positive definite, with the diagonal that is stated, shape (q,)."""
        expected = self.expected(beta)
        root = np.sqrt(diagonal)
        spread = np.sqrt(np.diagonal(expected))
        correlation = expected / np.outer(spread, spread)
        # Σ w u of zeros and ones is Σ w u², the stated diagonal: exact, whatever the rows are.
        exact = np.minimum(root[self._ones] / root[-1], 1.0)
        correlation[self._ones, -1] = correlation[-1, self._ones] = exact
        result: Floats = _floored(correlation, self._floor) * np.outer(root, root)
        return result

    def carried(self, diagonal: Floats, stated_at: Floats, beta: Floats) -> Floats:
        """A diagonal that was stated at one β as it is at another, both of shape (q,): by the ratio of what the Gram expects.

        The ratio is bounded. Far from where it was stated, a diagonal that vanishes would leave a gradient with errors no root: there are
        no fewer events than none.
        """
        ratio: Floats = np.diagonal(self.expected(beta)) / np.diagonal(self.expected(stated_at))
        return diagonal * np.clip(ratio, 1.0 / LARGEST_CHANGE, LARGEST_CHANGE)

    def expected(self, beta: Floats) -> Floats:
        """Σ w z z' as the Gram alone predicts it, shape (q, q), with a positive diagonal."""
        slopes = beta[:-1]
        pull = self._covariance @ slopes
        variance = np.atleast_1d(slopes @ pull)
        (a,), (c,), (d,) = _weights(np.atleast_1d(self._mean @ slopes) + beta[-1], variance)
        mean, cross = self._mean, np.outer(self._mean, pull)
        expected = np.empty((len(beta), len(beta)))
        expected[:-1, :-1] = a * (self._covariance + np.outer(mean, mean)) + c * (cross + cross.T) + d * np.outer(pull, pull)
        expected[:-1, -1] = expected[-1, :-1] = a * mean + c * pull
        expected[-1, -1] = a
        self._put_ones(expected, beta)
        np.fill_diagonal(expected, np.maximum(np.diagonal(expected), NOTHING))
        return self.n * expected

    def _put_ones(self, expected: Floats, beta: Floats) -> None:
        """The entries of columns of zeros and ones, shares of rows."""
        ones, numeric = self._ones, self._numeric
        if not len(ones):
            return
        pull = self._levels.pull(beta)
        weight, slope, _ = _weights(self._levels.eta(beta), pull @ beta[:-1])
        products = weight[:, None] * self._levels.mean + slope[:, None] * pull
        crossed = self._share[:, None] * products[:, numeric]
        expected[np.ix_(ones, numeric)], expected[np.ix_(numeric, ones)] = crossed, crossed.T
        expected[np.ix_(ones, ones)] = 0.0
        expected[ones, ones] = expected[ones, -1] = expected[-1, ones] = self._share * weight
        if len(self._both):
            joint = self._both * _weights(self._pairs.eta(beta), self._pairs.variance(beta))[0]
            expected[self._first, self._second] = expected[self._second, self._first] = joint


@dataclass(frozen=True, slots=True, eq=False)
class _Levels:
    """The rows with a one in a column, for each of G columns, among k columns.

    Their means are the Gram's. Their covariances are what is left by a regression on the column and on those that never occur with it, the
    other levels of its category; scaled to the variances that columns of zeros and ones of a known mean have.
    """

    mean: Floats
    """Shape (G, k)."""
    covariance: Floats
    """Shape (G, k, k)."""

    @classmethod
    def of(cls, mean: Floats, covariance: Floats, is_two_valued: Mask, ones: Places) -> Self:
        means, covariances = np.empty((len(ones), len(mean))), np.empty((len(ones), *covariance.shape))
        for group, a in enumerate(ones):
            means[group] = mean + covariance[a] * (1.0 - mean[a]) / max(covariance[a, a], NOTHING)
            known = np.where(is_two_valued, np.clip(means[group], 0.0, 1.0), means[group])
            never = ones[(known[ones] < RARELY * mean[ones]) | (ones == a)]
            block = covariance[np.ix_(never, never)]
            block = block + np.diag(NOTHING + SLIGHTLY * np.diagonal(block))
            left = covariance - covariance[:, never] @ np.linalg.solve(block, covariance[never])
            means[group] = known
            covariances[group] = _as_known(left, known, is_two_valued)
        return cls(means, covariances)

    def eta(self, beta: Floats) -> Floats:
        """Mean linear predictor of each, shape (G,)."""
        eta: Floats = self.mean @ beta[:-1] + beta[-1]
        return eta

    def pull(self, beta: Floats) -> Floats:
        """Covariance of each column with the linear predictor, shape (G, k)."""
        pull: Floats = self.covariance @ beta[:-1]
        return pull


def _as_known(left: Floats, mean: Floats, is_two_valued: Mask) -> Floats:
    """A covariance, shape (k, k), with the variances that columns of zeros and ones have by their mean."""
    old = np.maximum(np.diagonal(left), 0.0)
    known = np.where(is_two_valued, mean * (1.0 - mean), old)
    ratio = np.sqrt(np.divide(known, old, out=np.zeros_like(old), where=old > NOTHING))
    scaled: Floats = left * np.outer(ratio, ratio)
    return scaled


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """The rows with a one in both of two columns, for each of G pairs, among k columns: as a regression on the two predicts them."""

    mean: Floats
    """Shape (G, k)."""
    ratio: Floats
    """Of standard deviations, to those that columns of zeros and ones have by their mean, shape (G, k)."""
    covariance: Floats
    """Of all rows, shape (k, k)."""
    first: Places
    second: Places
    inverse: Floats
    """Of the covariance of the two, shape (G, 2, 2)."""

    @classmethod
    def of(cls, mean: Floats, covariance: Floats, is_two_valued: Mask, first: Places, second: Places) -> Self:
        variances = np.maximum(np.diagonal(covariance), NOTHING)
        v, w, cross = variances[first], variances[second], covariance[first, second]
        determinant = np.maximum(v * w - cross**2, SLIGHTLY * v * w)
        inverse = np.stack([np.stack([w, -cross], axis=-1), np.stack([-cross, v], axis=-1)], axis=-2) / determinant[:, None, None]
        pair = np.stack([covariance[first], covariance[second]], axis=1)
        slopes = inverse @ pair
        there = np.stack([1.0 - mean[first], 1.0 - mean[second]], axis=1)
        means = mean + np.einsum("gi,gik->gk", there, slopes)
        left = np.maximum(variances - np.einsum("gik,gik->gk", pair, slopes), 0.0)
        means = np.where(is_two_valued, np.clip(means, 0.0, 1.0), means)
        known = np.where(is_two_valued, means * (1.0 - means), left)
        ratio = np.sqrt(np.divide(known, left, out=np.zeros_like(left), where=left > NOTHING))
        return cls(means, ratio, covariance, first, second, inverse)

    def eta(self, beta: Floats) -> Floats:
        """Mean linear predictor of each, shape (G,)."""
        eta: Floats = self.mean @ beta[:-1] + beta[-1]
        return eta

    def variance(self, beta: Floats) -> Floats:
        """Of the linear predictor in each, shape (G,)."""
        scaled = self.ratio * beta[:-1]
        whole = scaled @ self.covariance
        pairs = np.arange(len(self.first))
        on_two = np.stack([whole[pairs, self.first], whole[pairs, self.second]], axis=1)
        taken = np.einsum("gi,gij,gj->g", on_two, self.inverse, on_two)
        variance: Floats = np.maximum(np.einsum("gk,gk->g", whole, scaled) - taken, 0.0)
        return variance


def _weights(eta: Floats, variance: Floats) -> tuple[Floats, Floats, Floats]:
    """Means of w(η) and of its first and second derivative, η normal; shapes (G,)."""
    p = expit(eta[:, None] + np.sqrt(np.maximum(variance, 0.0))[:, None] * _NODES)
    w = p * (1.0 - p)
    return w @ _WEIGHTS, (w * (1.0 - 2.0 * p)) @ _WEIGHTS, (w * (1.0 - 6.0 * w)) @ _WEIGHTS


def _floored(correlation: Floats, floor: float) -> Floats:
    """What is left of a correlation matrix when its eigenvalues are no smaller than the floor, with a unit diagonal."""
    correlation = (correlation + correlation.T) / 2
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= floor:
        return correlation
    floored = (vectors * np.maximum(values, floor)) @ vectors.T
    root = np.sqrt(np.diagonal(floored))
    result: Floats = floored / np.outer(root, root)
    return result
