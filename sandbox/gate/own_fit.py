"""What a participant tells of its own rows beyond sums: a fit to them (`glm_fit`), and a gradient at somebody else's β (`glm_gradient`).

A fit is computed here with the mathematics that central uses (`sandbox.estimation`), from the same kernels.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from sandbox.estimation import aggregates
from sandbox.estimation.cholesky import factor
from sandbox.estimation.fits import penalty
from sandbox.estimation.linear import solve
from sandbox.estimation.logistic import logistic
from sandbox.gate import kernels
from sandbox.gate.kernels import Answer, Units
from sandbox.gate.rows import Matrix, Rows

Family = Literal["gaussian", "binomial"]
TOLERANCE: Final = 1e-9
"""Newton decrement at which an own fit stops: nobody else waits for its steps."""


def glm_gradient(rows: Rows, units: Units, target: int, beta: Matrix, family: Family) -> Answer:
    """n and the gradient at `beta`, shape (q,), over the rows with the target observed.

    For a continuous target it is X'y − X'Xβ: linear in β, so it tells nothing that a Gram would not.
    """
    if family == "gaussian":
        return gaussian_gradient(kernels.gram(rows, units, target), beta)
    score = kernels.glm_score(rows, units, target, beta)
    return Answer("glm_gradient", score.n, {"n": score.parts["n"], "g": score.parts["g"]}, {"g": score.bounds["g"]})


def gaussian_gradient(gram: Answer, beta: Matrix) -> Answer:
    """The gradient of a least-squares fit at `beta`, shape (q,), from a Gram."""
    XX, Xy, yy = (np.asarray(gram.parts[part], np.float64) for part in ("XX", "Xy", "yy"))
    residual_squares = max(float(yy - 2.0 * (beta @ Xy) + beta @ XX @ beta), 0.0)
    bound = np.sqrt(np.maximum(np.diagonal(XX), 0.0) * residual_squares)
    return Answer("glm_gradient", gram.n, {"n": gram.parts["n"], "g": Xy - XX @ beta}, {"g": bound})


def glm_fit(rows: Rows, units: Units, target: int, family: Family, ridge: float, start: Matrix, n_intercepts: int) -> Answer:
    """A fit to the rows with the target observed: n, β̂ (q), information (q×q) and SSE; all 0 when there is no such row.

    A row's contribution to β̂ is taken as A⁻¹x(y − μ) (its influence), so |β̂_j| is rounded on a grid of √((A⁻¹)_jj Σ(y − μ)²), and for
    a continuous target, whose β̂ = A⁻¹X'y, of √((A⁻¹)_jj y'y).

    Args:
        rows: the rows.
        units: of the columns.
        target: 1-based index.
        family: of the target.
        ridge: standardised units, not on intercepts.
        start: where a logistic fit starts, shape (q,).
        n_intercepts: last columns of the design that are intercepts.

    Raises:
        FitError: the rows do not carry a fit.
    """
    if not rows.n_observed(target):
        return no_fit(len(start))
    if family == "binomial":
        return _logistic_fit(rows, units, target, ridge, start, n_intercepts)
    return gaussian_fit(kernels.gram(rows, units, target), ridge, n_intercepts)


def no_fit(q: int) -> Answer:
    """The fit to no rows, q coefficients."""
    zeros = {"n": np.asarray(0, np.int64), "beta": np.zeros(q), "information": np.zeros((q, q)), "sse": np.asarray(0.0)}
    return Answer("glm_fit", 0, zeros, {})


def gaussian_fit(gram: Answer, ridge: float, n_intercepts: int) -> Answer:
    """A least-squares fit from a Gram. Raises as :func:`glm_fit`."""
    XX, Xy, yy = (np.asarray(gram.parts[part], np.float64) for part in ("XX", "Xy", "yy"))
    beta, cholesky, sse = solve(aggregates.Gram(gram.n, XX, Xy, float(yy), n_intercepts), ridge)
    information = XX + np.diag(penalty(len(Xy), n_intercepts, ridge))
    parts = {"n": gram.parts["n"], "beta": beta, "information": information, "sse": np.asarray(sse)}
    spread = np.sqrt(np.maximum(np.diagonal(cholesky.covariance()), 0.0))
    # SSE is a difference: what it leaves of y'y is rounded as y'y is.
    bounds = {"beta": spread * np.sqrt(float(yy)), "information": gram.bounds["XX"], "sse": np.asarray(yy)}
    return Answer("glm_fit", gram.n, parts, bounds)


def _logistic_fit(rows: Rows, units: Units, target: int, ridge: float, start: Matrix, n_intercepts: int) -> Answer:
    def ask(beta: Matrix) -> aggregates.Score:
        answer = kernels.glm_score(rows, units, target, beta)
        H, g, loglik = (np.asarray(answer.parts[part], np.float64) for part in ("H", "g", "loglik"))
        return aggregates.Score(answer.n, H, g, float(loglik), 0.0, n_intercepts)

    fit = logistic(ask, start, ridge, TOLERANCE)
    last = kernels.glm_score(rows, units, target, fit.beta)
    information = np.asarray(last.parts["H"]) + np.diag(penalty(len(start), n_intercepts, ridge))
    spread = np.sqrt(np.maximum(np.diagonal(factor(information).covariance()), 0.0))
    n = last.n
    parts = {"n": last.parts["n"], "beta": np.array(fit.beta), "information": information, "sse": np.asarray(0.0)}
    # Σ(y − p)² ≤ n.
    bounds = {"beta": spread * np.sqrt(n), "information": last.bounds["H"]}
    return Answer("glm_fit", n, parts, bounds)
