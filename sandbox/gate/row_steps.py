"""Steps of code that sees rows: run in several workers, compared, judged, and only then answered or put into the rows.

A step runs on all rows at once and on micro-blocks of a secret split (`lending`) before anything is released. A sum that leaves is the sum
of what the blocks gave; a cell that is filled was computed alike everywhere. The rules themselves are in `verification`, and whether a
breach is a refusal or, on central's own rows, a notice, is the guard's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from policies import Policy
from policies.disclosure import difference_limit
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError
from sandbox.gate import kernels, verification
from sandbox.gate.draws import RowDraws
from sandbox.gate.guard import NO_TARGET, ChainGuard, Guard, Refusal
from sandbox.gate.kernels import Answer, Moments, Units
from sandbox.gate.lending import Contributions, Lending
from sandbox.gate.partition import ORDERS, Places
from sandbox.gate.pool import Pool
from sandbox.gate.release import round_to
from sandbox.gate.rows import Matrix, Rows
from sandbox.manifest import VALUE, ReplyField, Step
from sandbox.wire.codec import encode
from sandbox.wire.messages import CallBlocks, StepCall
from sandbox.wire.values import Array, floats

JUDGEMENT: Final = 3
"""Number of the secret that the rules draw from, after those of the secret orders."""
SEED_NUMBERS: Final = 4
MAX_NUMBERS: Final = 1 << 14
"""Numbers of one message: what 512 blocks give of so many fills 64 MB."""
MAX_FILL: Final = 6.0
"""A filled cell lies within so many times `max_abs_eta`, in standardised units: no draw of a regression within the bound is farther out."""


class RowSteps:
    """Runs the steps of one job.

    `note` is told the mean and variance of every draw; `is_taken` takes a fill back, or not; `is_reviewed`: whether the
    site approved the code; `tells_reasons`: whether a refusal of what the code answered leaves with its reason. The code could choose the
    reason by a row.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        rows: Rows,
        declared: Declarations,
        policy: Policy,
        guard: Guard,
        questions: ChainGuard,
        note: Callable[[int, Moments], None],
        is_taken: Callable[[int], bool],
        *,
        is_reviewed: bool,
        tells_reasons: bool,
    ) -> None:
        self._pools = pools
        self._rows = rows
        self._declared = declared
        self._policy = policy
        self._guard = guard
        self._questions = questions
        self._note = note
        self._is_taken = is_taken
        self._is_reviewed = is_reviewed
        self._tells_reasons = tells_reasons

    def load(self, units: Units, draws: RowDraws) -> None:
        """Lend the standardised rows to the workers."""
        rows = self._rows
        self._units, self._draws = units, draws
        positions = {index: rows.position(index) for index in rows.targets}
        thresholds = {index: units.threshold(position) for index, position in positions.items() if units.is_binary[position]}
        self._lending = Lending(self._pools, rows, draws, thresholds)
        partition = self._lending.partition
        secret = draws.uniform(ORDERS, JUDGEMENT, np.arange(SEED_NUMBERS))
        is_complete = np.ones(rows.n, dtype=np.bool_)
        for target in rows.targets:
            is_complete[rows.missing_places(target)] = False
        self._sizes = np.asarray(partition.sizes, np.float64)
        self._verifier = verification.Verifier(
            self._sizes,
            self._policy,
            difference_limit(self._declared.extent("q"), self._policy),
            np.random.default_rng(np.frombuffer(secret.tobytes(), np.uint32)),
            is_reviewed=self._is_reviewed,
            is_complete=partition.all_of(is_complete),
        )
        self._cells = verification.sorted_cells(self._shown_columns(partition.order))

    @property
    def n_spent(self) -> int:
        """Numbers about the rows that left so far and that no earlier one determines."""
        return self._verifier.n_spent

    def run(self, call: StepCall, step: Step) -> dict[str, Answer]:
        """Run a step that the manifest declares, with arguments that it declares. Raises :class:`Refusal` and `PeerError`."""
        targets = self._declared.targets(call)
        self._check_question(call, step, targets)
        try:
            return self._run(call, step, targets)
        except Refusal as refusal:
            outward = refusal.code if self._tells_reasons else Code.RULE_ROWS_ANSWER
            raise Refusal(refusal.code, refusal.line, outward) from refusal

    def _run(self, call: StepCall, step: Step, targets: tuple[int, ...]) -> dict[str, Answer]:
        if step.fills:
            self._fill(call, step)
            return {}
        ((name, field), *_) = step.reply.items()
        if field.kind == "estimate":
            return {name: self._estimate(call, field, targets)}
        found = self._sums(call, step, targets)
        for target in targets:
            self._questions.mark_fitted(target)
        return {name: self._answer(step.reply[name], found.of(places)) for name, places in self._places(step).items()}

    def _check_question(self, call: StepCall, step: Step, targets: tuple[int, ...]) -> None:
        """The rules that need no answer: rows enough, and numbers of central's that do not single rows out."""
        numbers = [_floats(call.request[name]) for name, field in step.request.items() if field.type in ("float", "int")]
        self._guard.judge(("request_bounds",), verification.check_request(np.concatenate([*numbers, np.empty(0)]), self._policy))
        if step.fills:
            return
        for target in targets:
            self._guard.check_fit(self._rows.n_observed(target), self._declared.extent("q"))
        if len(step.request) > len(targets) or len(targets) > 1:
            # Central varies it, be it by numbers, by thirty booleans or by which targets it names together: another view of the same rows.
            for target in targets or (NO_TARGET,):
                self._questions.count_evaluation(target)

    # --- sums

    def _sums(self, call: StepCall, step: Step, targets: tuple[int, ...], *, leaves: bool = True) -> Contributions:
        """What the workers answered, when every rule allows it to leave. Only what `leaves` is spent."""
        found = self._contributions(call, step)
        if not all(np.isfinite(numbers).all() for numbers in (found.whole, found.blocks, found.again)):
            raise Refusal(Code.RULE_NOT_FINITE)
        # The last question about the same targets: its numbers differ from these by rows, and by few of them only if it was made so.
        key = call.step, *targets
        if verification.check_memory(found.blocks, found.again):
            # No code of a pair can do that, and one that broke out of its language gets no second try.
            raise PeerError(Code.WORKER_PROTOCOL)
        breaches = self._verifier.check(key, found.whole, found.blocks)
        for name, places in self._places(step).items():
            if step.reply[name].kind == "count":
                counts = found.of(places)
                breaches += verification.check_counts(counts.whole, counts.blocks, self._sizes, self._policy)
        breaches += verification.check_values(found.whole, self._cells)
        self._guard.judge(verification.SUM_RULES, breaches)
        self._guard.note("lattice", is_found=self._verifier.has_lattice(found.blocks))
        if not breaches:
            self._verifier.accept(key, found.blocks, leaves=leaves)
        return found

    def _contributions(self, call: StepCall, step: Step) -> Contributions:
        shapes = self._shapes(step)
        n_numbers = sum(math.prod(shape) for shape in shapes.values())
        if n_numbers > MAX_NUMBERS:
            raise Refusal(Code.RULE_SUM_BUDGET)
        self._lending.call(CallBlocks(call.step, call.request, shapes))
        return self._lending.contributions(n_numbers)

    def _answer(self, field: ReplyField, found: Contributions) -> Answer:
        if field.kind == "count":
            return Answer("count", self._rows.n, {VALUE: np.asarray(found.total[0], np.int64)}, {})
        shape = tuple(self._declared.extent(symbol) for symbol in field.shape)
        return Answer("sum", self._rows.n, {VALUE: round_to(found.total, self._step(found)).reshape(shape)}, {})

    def _step(self, found: Contributions) -> Matrix:
        """How far numbers are rounded, shape (numbers,)."""
        if self._is_reviewed:
            return verification.exact_step(found.blocks, self._policy)
        return verification.coarse_step(found.blocks, self._sizes, self._policy)

    def _shapes(self, step: Step) -> dict[str, tuple[int, ...]]:
        return {name: tuple(self._declared.extent(symbol) for symbol in field.shape) for name, field in step.reply.items()}

    def _places(self, step: Step) -> dict[str, slice]:
        """Where the numbers of each field stand among those of the message."""
        places, start = {}, 0
        for name, shape in self._shapes(step).items():
            places[name] = slice(start, start := start + math.prod(shape))
        return places

    # --- estimates

    def _estimate(self, call: StepCall, field: ReplyField, targets: tuple[int, ...]) -> Answer:
        """The root of the sums of another step, which the gate asks for as central would. Each question is judged as if its sums left."""
        q, step = self._declared.extent("q"), self._declared.step(field.score)
        places = self._places(step)

        def sums_at(beta: Matrix) -> verification.Sums:
            score = StepCall(field.score, {**call.request, "beta": floats(beta.tolist())})
            self._check_question(score, step, targets)
            found = self._sums(score, step, targets, leaves=False)
            total, grid = found.total, self._step(found)
            g, H = places["gradient"], places["information"]
            return verification.Sums(total[g], total[H].reshape(q, q), grid[g], grid[H].reshape(q, q))

        try:
            beta, information = verification.find_root(sums_at, q)
        except verification.NoRootError as error:
            # Not a notice anywhere: there is nothing to answer.
            self._guard.verdicts["estimate"] = "refuse"
            raise Refusal(Code.RULE_ESTIMATE) from error
        self._guard.judge(("request_bounds", "estimate"), verification.check_request(beta, self._policy))
        self._verifier.spend()
        for target in targets:
            self._questions.mark_fitted(target)
        return Answer("estimate", self._rows.n, {"beta": beta, "information": information}, {})

    # --- fills

    def _fill(self, call: StepCall, step: Step) -> None:
        rows, target = self._rows, call.request[step.fills]
        if not isinstance(target, int):
            raise Refusal(Code.RULE_UNDECLARED)
        draws = self._draws.asked(encode(call))
        numbers = None
        if step.draws:
            number_of = draws.normal if step.draws == "normal" else draws.uniform
            numbers = number_of(target, self._questions.next_fill(target), rows.file_rows)
        self._lending.call(CallBlocks(call.step, call.request, {}, target, numbers is not None), numbers)
        values, others = self._lending.filled()
        position = rows.position(target)
        is_binary, limit = bool(self._units.is_binary[position]), MAX_FILL * self._policy.max_abs_eta
        is_missing = np.zeros(rows.n, dtype=np.bool_)
        is_missing[rows.missing_places(target)] = True
        for places, other in others:
            filled = is_missing[places]
            # Not a notice anywhere: what central's rows are filled with must not depend on how they were split, either.
            if verification.check_fills(values[places[filled]], other[filled], is_binary=is_binary, limit=limit):
                self._guard.verdicts["row_state"] = "refuse"
                raise Refusal(Code.RULE_ROW_STATE)
        self._guard.judge(("row_state",), ())
        self._questions.check_fill(target)
        values = verification.round_fills(values[rows.missing_places(target)])
        self._draws = draws
        if is_binary:
            values = self._standardised(target, values)
        rows.refill(target, values)
        if not self._is_taken(target):
            return
        self._lending.set_column(position)
        self._note(target, kernels.moments(values, self._units.centre[position], self._units.scale[position]))

    # --- rows

    def _shown_columns(self, order: Places) -> Iterator[Matrix]:
        """The observed cells of every column, in standardised and in raw units; the others are NaN."""
        rows, units = self._rows, self._units
        for position, index in enumerate(rows.model):
            column = rows.column(position)
            if index in rows.targets:
                column[rows.missing_places(index)] = np.nan
            yield column[order]
            yield column[order] * units.scale[position] + units.centre[position]

    def _standardised(self, target: int, values: Matrix) -> Matrix:
        position = self._rows.position(target)
        standardised: Matrix = (values - self._units.centre[position]) / self._units.scale[position]
        return standardised


def _floats(value: object) -> Matrix:
    return np.frombuffer(value.data) if isinstance(value, Array) else np.array([value], dtype=np.float64)
