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
from sandbox.gate.kernels import Answer, Score, Units
from sandbox.gate.rows import Matrix, Rows

Family = Literal["gaussian", "binomial"]
TOLERANCE: Final = 1e-9
"""Newton decrement at which an own fit stops: nobody else waits for its steps."""


def glm_gradient(rows: Rows, units: Units, target: int, beta: Matrix, family: Family) -> Score:
    """n and the gradient at `beta`, shape (q,), over the rows with the target observed.

    For a continuous target it is X'y − X'Xβ: linear in β, so it tells nothing that a Gram would not, as long as its terms do not cancel.
    """
    if family == "binomial":
        score = kernels.glm_score(rows, units, target, beta)
        parts, bounds = score.answer.parts, score.answer.bounds
        answer = Answer("glm_gradient", score.answer.n, {"n": parts["n"], "g": parts["g"]}, {"g": bounds["g"]}, is_score=True)
        return Score(answer, score.max_abs_eta, score.weight_sum)
    gram = kernels.gram(rows, units, target)
    XX, Xy, yy = (np.asarray(gram.parts[part], np.float64) for part in ("XX", "Xy", "yy"))
    residual_squares = max(float(yy - 2.0 * (beta @ Xy) + beta @ XX @ beta), 0.0)
    bound = np.sqrt(np.maximum(np.diagonal(XX), 0.0) * residual_squares)
    answer = Answer("glm_gradient", gram.n, {"n": gram.parts["n"], "g": Xy - XX @ beta}, {"g": bound})
    is_sound = kernels.is_linear(rows, np.insert(beta, rows.position(target), 0.0))
    return Score(answer, 0.0 if is_sound else kernels.BEYOND, np.inf)


def glm_fit(rows: Rows, units: Units, target: int, family: Family, ridge: float, start: Matrix, n_intercepts: int) -> Score:
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
    q = len(start)
    if not rows.n_observed(target):
        zeros = {"n": np.asarray(0, np.int64), "beta": np.zeros(q), "information": np.zeros((q, q)), "sse": np.asarray(0.0)}
        return Score(Answer("glm_fit", 0, zeros, {}), 0.0, np.inf)
    if family == "binomial":
        return _logistic_fit(rows, units, target, ridge, start, n_intercepts)
    answer = kernels.gram(rows, units, target)
    XX, Xy, yy = (np.asarray(answer.parts[part], np.float64) for part in ("XX", "Xy", "yy"))
    beta, cholesky, sse = solve(aggregates.Gram(answer.n, XX, Xy, float(yy), n_intercepts), ridge)
    information = XX + np.diag(penalty(q, n_intercepts, ridge))
    parts = {"n": answer.parts["n"], "beta": beta, "information": information, "sse": np.asarray(sse)}
    spread = np.sqrt(np.maximum(np.diagonal(cholesky.covariance()), 0.0))
    # SSE is a difference: what it leaves of y'y is rounded as y'y is.
    bounds = {"beta": spread * np.sqrt(float(yy)), "information": answer.bounds["XX"], "sse": np.asarray(yy)}
    return Score(Answer("glm_fit", answer.n, parts, bounds), 0.0, np.inf)


def _logistic_fit(rows: Rows, units: Units, target: int, ridge: float, start: Matrix, n_intercepts: int) -> Score:
    def ask(beta: Matrix) -> aggregates.Score:
        answer = kernels.glm_score(rows, units, target, beta).answer
        H, g, loglik = (np.asarray(answer.parts[part], np.float64) for part in ("H", "g", "loglik"))
        return aggregates.Score(answer.n, H, g, float(loglik), 0.0, n_intercepts)

    fit = logistic(ask, start, ridge, TOLERANCE)
    last = kernels.glm_score(rows, units, target, fit.beta)
    information = np.asarray(last.answer.parts["H"]) + np.diag(penalty(len(start), n_intercepts, ridge))
    spread = np.sqrt(np.maximum(np.diagonal(factor(information).covariance()), 0.0))
    n = last.answer.n
    parts = {"n": last.answer.parts["n"], "beta": np.array(fit.beta), "information": information, "sse": np.asarray(0.0)}
    # Σ(y − p)² ≤ n.
    bounds = {"beta": spread * np.sqrt(n), "information": last.answer.bounds["H"]}
    return Score(Answer("glm_fit", n, parts, bounds, is_score=True), last.max_abs_eta, last.weight_sum)
