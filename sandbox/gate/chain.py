"""One chain at one participant: its rows, completed by its own draws, and the kernels that its questions name, under the guard.

It is central's, or that of a site whose rows are lent to code that sees them. A job has one chain, or several that run side by side. They
hold the same observed cells and share nothing else that changes: completed cells, Grams, counts of draws, and random numbers are each
chain's own.
"""

from __future__ import annotations

from collections import Counter
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
            redraws: of the job, which judges fills by code that sees rows; None at central, whose rows leave for nobody.
            number: of the chain, from 0.
            n_sweeps: of the chain: draws of each target.
        """
        self.rows = rows
        self.traces: dict[int, Trace] = {}
        self.units: Units | None = None
        self._q = q
        self._number = number
        self._guard = guard
        self._n_sweeps = n_sweeps
        self._n_draws: Counter[int] = Counter()
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
            ChainGuard(self._guard, self._n_sweeps),
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
            case "gram":
                return kernels.gram(self.rows, units, target)
            case "selection_score":
                return self._ask_selection(call, units)
            case "glm_fit":
                return self._fit(call, units)
            case "glm_gradient":
                return own_fit.glm_gradient(self.rows, units, target, numbers_of(call.beta), call.family or "gaussian")
            case _:
                return kernels.glm_score(self.rows, units, target, numbers_of(call.beta))

    def _fit(self, call: KernelCall, units: Units) -> Answer:
        target, family = call.target, call.family or "gaussian"
        start = self._own_fits.get(target, np.zeros(self._q))
        try:
            fit = own_fit.glm_fit(self.rows, units, target, family, call.ridge or 0.0, start, self.rows.p - self.rows.n_columns)
        except FitError as error:
            raise Refusal(error.code) from error
        self._own_fits[target] = np.asarray(fit.parts["beta"], np.float64)
        return fit

    def _ask_selection(self, call: KernelCall, units: Units) -> Answer:
        theta = numbers_of(call.theta)
        self._guard.check_fit(self.rows.n, len(theta))
        score = selection.selection_score(self.rows, units, call.target, call.exclusion or 0, theta)
        if not np.isfinite(score.reach):
            raise Refusal(Code.RULE_NOT_FINITE)
        return score.answer

    def draw(self, call: KernelCall) -> None:
        """Fill the missing cells of a target. A draw that is refused leaves the rows as they were. Raises :class:`Refusal`."""
        units, target = self._begun(), call.target
        number, missing = self._n_draws[target] + 1, self.rows.missing_rows(target)
        draws = self._draws.asked(encode(call))
        if call.theta is not None:
            uniforms = (
                draws.uniform(target, number, missing, self.rows.noise),
                draws.uniform(target, number, missing, self.rows.eta, word=1),
            )
            filled = selection.draw_selection(self.rows, units, target, call.exclusion or 0, numbers_of(call.theta), uniforms)
        else:
            numbers = draws.uniform if call.sigma is None else draws.normal
            noise = numbers(target, number, missing, self.rows.noise)
            filled = kernels.draw(self.rows, units, target, numbers_of(call.beta), call.sigma, noise)
        if not filled.is_finite:
            self.rows.undo(target)
            raise Refusal(Code.RULE_NOT_FINITE)
        self._n_draws[target] = number
        # What a later draw does to a row also depends on what the earlier ones put there.
        self._draws = draws
        self._note(target, filled.moments)

    def _starts_so(self, target: int, is_one: Mask) -> bool:
        """Whether the missing cells of a binary target may start so."""
        return self._redraws is None or self._redraws.accept(target, is_one)

    def _is_taken(self, target: int) -> bool:
        """Whether the cells of a target may stay as they were just filled; if not they are taken back. They were filled nevertheless."""
        units = self._begun()
        if self._redraws is None or not units.is_binary[self.rows.position(target)]:
            return True
        is_taken = self._redraws.accept_fill(self.rows, units, target)
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


def numbers_of(array: Array | None) -> Matrix:
    """An argument that the kernel needs. Raises :class:`Refusal` when it is not there."""
    if array is None:
        raise Refusal(Code.RULE_UNDECLARED)
    return np.frombuffer(array.data)
