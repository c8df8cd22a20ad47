"""Exact answers about own rows, for a site whose policy allows any question: the same rows in every sweep, for all chains.

Central's draws fill nothing here. The site has filled its missing cells by itself, several times; an answer is the mean over these sets.
Where nothing is missing it is what the kernels say of the rows, to the last digit, so that federated equals pooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code
from sandbox.estimation.cholesky import FitError
from sandbox.gate import kernels, own_fit, selection
from sandbox.gate.chain import Trace, numbers_of
from sandbox.gate.guard import Guard, Refusal
from sandbox.gate.kernels import Answer, Units
from sandbox.gate.own_rows import OwnRows
from sandbox.gate.row_steps import RowSteps
from sandbox.gate.rows import Matrix, Rows
from sandbox.wire.messages import KernelCall

N_INTERCEPTS: Final = 1


class StaticChain:
    """Computes what is asked of a site that answers exactly. Every chain of the job is answered by the same one."""

    row_steps: RowSteps | None = None

    def __init__(self, own: OwnRows, guard: Guard, *, has_central_intercept: bool) -> None:
        self.units: Units | None = None
        self.traces: Mapping[int, Trace] = {}
        self._own = own
        self._guard = guard
        self._has_central_intercept = has_central_intercept
        """Central's intercept is 0 on every row here: its coefficient changes nothing, and what belongs to it is 0."""
        self._fits: dict[int, Matrix] = {}

    @property
    def rows(self) -> Rows:
        """The own rows."""
        return self._own.rows

    def begin(self, units: Units, constants: bytes) -> None:  # noqa: ARG002 - nothing is drawn here
        """Put the rows into central's units."""
        self._own.restate(units)
        if not self.rows.is_finite:
            raise Refusal(Code.RULE_NOT_FINITE)
        self.units = units

    def draw(self, call: KernelCall) -> None:
        """Fill nothing."""

    def ask(self, call: KernelCall) -> Answer:
        """The answer of a kernel. Raises :class:`Refusal`."""
        units, target = self.units, call.target
        if units is None:
            raise Refusal(Code.GATE_PROTOCOL)
        self._guard.check_fit(self.rows.n_observed(target), self.rows.p - 1)
        try:
            # Whatever follows from a Gram follows from the mean one: those of the rows are of one set, in other units.
            if call.kernel == "gram" or ((call.family or "gaussian") == "gaussian" and call.kernel in ("glm_gradient", "glm_fit")):
                answer = self._of_gram(call, units)
            else:
                answer = _mean([self._kernel(call, units) for _ in self._own.sets()])
        except FitError as error:
            raise Refusal(error.code) from error
        return self._with_central_intercept(answer)

    def _of_gram(self, call: KernelCall, units: Units) -> Answer:
        target, n = call.target, self.rows.n_observed(call.target)
        gram = kernels.gram_of(self._own.gram_of(target), n, self.rows.position(target), units)
        match call.kernel:
            case "gram":
                return gram
            case "glm_gradient":
                return own_fit.gaussian_gradient(gram, self._beta(call))
            case _:
                return own_fit.gaussian_fit(gram, call.ridge or 0.0, N_INTERCEPTS) if n else own_fit.no_fit(self.rows.p - 1)

    def _kernel(self, call: KernelCall, units: Units) -> Answer:
        target, family = call.target, call.family or "gaussian"
        match call.kernel:
            case "glm_score":
                return kernels.glm_score(self.rows, units, target, self._beta(call))
            case "glm_gradient":
                return own_fit.glm_gradient(self.rows, units, target, self._beta(call), family)
            case "selection_score":
                theta = numbers_of(call.theta)
                if self._has_central_intercept:
                    q = self.rows.p
                    theta = np.delete(theta, [q - 2, 2 * q - 3])
                score = selection.selection_score(self.rows, units, target, call.exclusion or 0, theta)
                if not np.isfinite(score.reach):
                    raise Refusal(Code.RULE_NOT_FINITE)
                return score.answer
            case "glm_fit":
                start = self._fits.get(target, np.zeros(self.rows.p - 1))
                fit = own_fit.glm_fit(self.rows, units, target, family, call.ridge or 0.0, start, N_INTERCEPTS)
                self._fits[target] = np.asarray(fit.parts["beta"], np.float64)
                return fit
            case _:
                raise Refusal(Code.RULE_UNDECLARED)

    def _beta(self, call: KernelCall) -> Matrix:
        beta = numbers_of(call.beta)
        return np.delete(beta, -2) if self._has_central_intercept else beta

    def _with_central_intercept(self, answer: Answer) -> Answer:
        """The answer with a place for central's intercept, before the last of each design."""
        if not self._has_central_intercept:
            return answer
        q = self.rows.p - 1
        places = [q - 1, 2 * q - 2] if answer.kind == "selection_score" else [q - 1]
        parts = {name: _widened(values, places) for name, values in answer.parts.items()}
        bounds = {name: _widened(values, places) for name, values in answer.bounds.items()}
        return Answer(answer.kind, answer.n, parts, bounds)


def _widened(values: npt.NDArray[Any], places: list[int]) -> npt.NDArray[Any]:
    for axis in range(values.ndim):
        values = np.insert(values, places, 0.0, axis=axis)
    return values


def _mean(answers: list[Answer]) -> Answer:
    """The mean of answers about as many rows each."""
    first = answers[0]
    if len(answers) == 1:
        return first
    parts: dict[str, npt.NDArray[np.generic]] = {
        name: np.mean([np.asarray(answer.parts[name], np.float64) for answer in answers], axis=0) for name in first.parts
    }
    parts |= {name: values for name, values in first.parts.items() if values.dtype.kind == "i"}
    return Answer(first.kind, first.n, parts, first.bounds)
