"""One chain at one participant: its rows, completed by its own draws, and the kernels that its questions name, under the guard.

A job has one chain, or several that run side by side. They hold the same observed cells and share nothing else that changes: completed
cells, Grams, counts of questions and draws, and random numbers are each chain's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policies import Policy
from sandbox.declared import Declarations
from sandbox.errors import Code
from sandbox.estimation.cholesky import FitError
from sandbox.gate import kernels, own_fit, selection
from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import ChainGuard, Guard, Refusal
from sandbox.gate.kernels import Answer, Moments, Units
from sandbox.gate.patterns import Mask
from sandbox.gate.pool import Pool
from sandbox.gate.redraws import Redraws
from sandbox.gate.row_steps import RowSteps
from sandbox.gate.rows import Matrix, Rows
from sandbox.wire.codec import encode
from sandbox.wire.messages import KernelCall
from sandbox.wire.values import Array


@dataclass(slots=True)
class Trace:
    """Mean and variance of central's imputed cells of one target, one entry per draw, raw units."""

    means: list[float]
    variances: list[float]


class Chain:
    """Computes what one chain asks."""

    def __init__(self, rows: Rows, q: int, guard: Guard, draws: RowDraws, redraws: Redraws | None, *, number: int, n_sweeps: int) -> None:
        """Hold a chain's rows.

        Args:
            rows: its own, see :meth:`Rows.copy`.
            q: coefficients of a design.
            guard: of the job.
            draws: of the job; the chain takes its own.
            redraws: of the job; None at central, whose rows leave for nobody.
            number: of the chain, from 0.
            n_sweeps: of the chain: draws of each target.
        """
        self.rows = rows
        self.traces: dict[int, Trace] = {}
        self.units: Units | None = None
        self._q = q
        self._number = number
        self._guard = guard
        self._questions = ChainGuard(guard, n_sweeps)
        self._draws = draws.of_chain(number)
        self._redraws = redraws
        self._own_fits: dict[int, Matrix] = {}
        self.row_steps: RowSteps | None = None
        """What runs the steps of code that sees rows; None for a blind pair."""

    def lend(self, pools: Sequence[Pool], declared: Declarations, policy: Policy, *, is_reviewed: bool, tells_reasons: bool) -> None:
        """Have the steps run by code that sees the rows; before :meth:`begin`."""
        self.row_steps = RowSteps(
            pools,
            self.rows,
            declared,
            policy,
            self._guard,
            self._questions,
            self._note,
            self._is_taken,
            is_reviewed=is_reviewed,
            tells_reasons=tells_reasons,
        )

    def begin(self, units: Units, constants: bytes) -> None:
        """Standardise the rows and fill missing cells with start values. `constants` are those of `units`, encoded.

        The first chain starts a continuous target at its mean, the others at draws from its margin, as mice does: chains that start apart
        show whether they come together. Raises :class:`Refusal`.
        """
        self._draws = self._draws.asked(constants)
        numbers = {}
        for index in self.rows.targets:
            missing = self.rows.missing_rows(index)
            if units.is_binary[self.rows.position(index)]:
                numbers[index] = self._draws.uniform(index, 0, missing)
            elif self._number:
                numbers[index] = self._draws.normal(index, 0, missing)
        starts = kernels.start_values(self.rows, units, numbers)
        for index, values in starts.items():
            if units.is_binary[self.rows.position(index)] and not self._starts_so(index, values == 1.0):
                values[:] = np.rint(units.mean[self.rows.position(index)])
        self.rows.standardise(units.centre, units.scale, starts)
        if not self.rows.is_finite:
            raise Refusal(Code.RULE_NOT_FINITE)
        self.units = units
        if self.row_steps is not None:
            self.row_steps.load(units, self._draws)

    def ask(self, call: KernelCall) -> Answer:
        """The answer of a kernel. Raises :class:`Refusal`."""
        units, target = self._begun(), call.target
        self._guard.check_fit(self.rows.n_observed(target), self._q)
        match call.kernel:
            case "imputed_summary":
                return kernels.imputed_summary(self.rows, units, target)
            case "gram":
                answer = kernels.gram(self.rows, units, target)
            case "selection_score":
                answer = self._ask_selection(call, units)
            case _:
                answer = self._ask_glm(call, units)
        self._questions.mark_fitted(target)
        return answer

    def _ask_glm(self, call: KernelCall, units: Units) -> Answer:
        target, family = call.target, call.family or "gaussian"
        self._questions.count_evaluation(target)
        if call.kernel == "glm_fit":
            start = self._own_fits.get(target, np.zeros(self._q))
            try:
                score = own_fit.glm_fit(self.rows, units, target, family, call.ridge or 0.0, start, self.rows.p - self.rows.n_columns)
            except FitError as error:
                raise Refusal(error.code) from error
            self._own_fits[target] = np.asarray(score.answer.parts["beta"], np.float64)
        elif call.kernel == "glm_gradient":
            score = own_fit.glm_gradient(self.rows, units, target, _numbers(call.beta), family)
        else:
            score = kernels.glm_score(self.rows, units, target, _numbers(call.beta))
        self._questions.check_question(target, score.answer.n, score.max_abs_eta, score.weight_sum)
        return score.answer

    def _ask_selection(self, call: KernelCall, units: Units) -> Answer:
        target, theta = call.target, _numbers(call.theta)
        self._guard.check_fit(self.rows.n, len(theta))
        self._questions.count_evaluation(target)
        score = selection.selection_score(self.rows, units, target, call.exclusion or 0, theta)
        if not np.isfinite(score.max_abs_eta):
            raise Refusal(Code.RULE_NOT_FINITE)
        counts = (self.rows.n_observed(target), self.rows.n_missing(target))
        self._questions.check_selection(target, counts, self._q, score.max_abs_eta, abs(float(theta[-1])), score.weight_sum)
        return score.answer

    def draw(self, call: KernelCall) -> None:
        """Fill the missing cells of a target. A draw that is refused leaves the rows as they were. Raises :class:`Refusal`."""
        units, target = self._begun(), call.target
        number, missing = self._questions.next_draw(target), self.rows.missing_rows(target)
        sigma, correlation = call.sigma, 0.0
        draws = self._draws.asked(encode(call))
        if call.theta is not None:
            theta = _numbers(call.theta)
            sigma, correlation = (float(np.exp(theta[-2])) if call.family == "gaussian" else None), abs(float(theta[-1]))
            uniforms = (
                draws.uniform(target, number, missing, self.rows.noise),
                draws.uniform(target, number, missing, self.rows.eta, word=1),
            )
            filled = selection.draw_selection(self.rows, units, target, call.exclusion or 0, theta, uniforms)
        else:
            numbers = draws.uniform if sigma is None else draws.normal
            noise = numbers(target, number, missing, self.rows.noise)
            filled = kernels.draw(self.rows, units, target, _numbers(call.beta), sigma, noise)
        try:
            if not np.isfinite(filled.max_abs_eta):
                raise Refusal(Code.RULE_NOT_FINITE)
            self._questions.check_draw(target, filled.max_abs_eta, sigma, correlation)
        except Refusal:
            self.rows.undo(target)
            raise
        # What a later draw does to a row also depends on what the earlier ones put there.
        self._draws = draws
        if self._is_taken(target, filled.log_odds):
            self._note(target, filled.moments)

    def _starts_so(self, target: int, is_one: Mask) -> bool:
        """Whether the missing cells of a binary target may start so."""
        return self._redraws is None or self._redraws.accept(target, is_one)

    def _is_taken(self, target: int, log_odds: Matrix | None = None) -> bool:
        """Whether the cells of a target may stay as they were just filled; if not they are taken back. The draw was made nevertheless."""
        units = self._begun()
        if self._redraws is None or not units.is_binary[self.rows.position(target)]:
            return True
        is_taken = self._redraws.accept_draw(self.rows, units, target, log_odds)
        self._guard.note("redraw", is_found=not is_taken)
        if not is_taken:
            self.rows.undo(target)
        return is_taken

    def _note(self, target: int, moments: Moments) -> None:
        if moments.n:
            trace = self.traces.setdefault(target, Trace([], []))
            trace.means.append(moments.mean)
            trace.variances.append(moments.variance)

    def _begun(self) -> Units:
        if self.units is None:
            raise Refusal(Code.GATE_PROTOCOL)
        return self.units


def _numbers(array: Array | None) -> Matrix:
    if array is None:
        raise Refusal(Code.RULE_UNDECLARED)
    return np.frombuffer(array.data)
