"""The guard of questions: what may be asked of the rows, when, and how often. Holds counters, never a row.

The rules themselves are pure functions in `policies.disclosure`; this module keeps the evidence that is spread over a job (questions since
the last draw, draws so far, refusals) and turns a breach into a refusal, or on central's own rows into a notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from policies import Policy
from policies.disclosure import (
    Breach,
    Draw,
    Fit,
    Question,
    SelectionQuestion,
    check_draw,
    check_fit,
    check_question,
    check_rows,
    check_selection,
    check_units,
    difference_limit,
)
from sandbox.errors import Code, TidegateError

Verdict = Literal["pass", "notice", "refuse"]
_SEVERITY: Final[dict[Verdict, int]] = {"pass": 0, "notice": 1, "refuse": 2}
FIT_RULES: Final = ("min_rows", "parameter_ratio")
QUESTION_RULES: Final = ("eta", "weight_sum", "evaluations")
SELECTION_RULES: Final = ("selection_bounds", "min_rows", "weight_sum", "evaluations")
NO_TARGET: Final = 0
"""In place of a target's index (1-based): a question that names none. Any draw ends its fit."""
DRAW_RULES: Final = ("draw_bounds", "draw_schedule")


class Refusal(TidegateError):
    """A question that is not answered. `line` is the line of the pair that raised, when one did.

    `outward` is the code that leaves: another one where the code that saw the rows had a choice among reasons, which would be an answer.
    """

    def __init__(self, code: Code, line: int = 0, outward: Code | None = None) -> None:
        super().__init__(code)
        self.line = line
        self.outward = outward or code


class Guard:
    """The rules of one job at one participant."""

    def __init__(self, policy: Policy, *, is_central: bool, standing: Mapping[str, Verdict] | None = None) -> None:
        """Start with the verdicts (`standing`) that were found before Start: they are in force for every message."""
        self.policy = policy
        self._standing = dict(standing or {})
        self.is_central = is_central
        self._n_refusals = 0
        self.verdicts: dict[str, Verdict] = {}
        """The worst verdict of every rule that was asked in this round, in whichever chain."""

    def open_round(self) -> None:
        """Forget the verdicts of the last round."""
        self.verdicts = dict(self._standing)

    def check_budget(self) -> None:
        """Raise :class:`Refusal` when the budget of refusals is spent. Asked before every chain's part: they share one budget."""
        if self._n_refusals >= self.policy.refusal_budget and not self.is_central:
            self.verdicts["refusal_budget"] = "refuse"
            raise Refusal(Code.RULE_REFUSAL_BUDGET)

    def count_refusal(self) -> None:
        """A refusal is an answer of one bit, and costs one unit of the budget."""
        self._n_refusals += 1

    def check_start(self, max_abs_start: float) -> None:
        """Rule 6 on the start values of missing cells, standardised: central names them too."""
        is_far = not max_abs_start <= self.policy.max_abs_eta
        self.judge(("draw_bounds",), (Breach("draw_bounds", limit=self.policy.max_abs_eta),) if is_far else ())

    def check_units(self, fits: Iterable[Fit]) -> None:
        """Rule 6a on the units of every column in the model."""
        self.judge(("units",), [breach for fit in fits for breach in check_units(fit)])

    def check_rows(self, n_rows: int) -> None:
        """Rule 1, before the margins of all rows that take part."""
        self.judge(("min_rows",), check_rows(n_rows, self.policy))

    def check_fit(self, n_rows: int, n_coefficients: int) -> None:
        """Rule 1, before a kernel that sums over the rows with a target observed."""
        self.judge(FIT_RULES, check_fit(n_rows, n_coefficients, self.policy))

    def note(self, rule: str, *, is_found: bool) -> None:
        """Note a rule that refuses nothing anywhere."""
        self._keep_worst(rule, "notice" if is_found else "pass")

    def judge(self, rules: Iterable[str], breaches: Iterable[Breach]) -> None:
        """Note the verdicts of `rules`, of which `breaches` were found. Raises :class:`Refusal`, at a site, when there are any."""
        broken = [breach.rule for breach in breaches]
        for rule in rules:
            verdict: Verdict = "pass"
            if rule in broken:
                verdict = "notice" if self.is_central else "refuse"
            self._keep_worst(rule, verdict)
        if broken and not self.is_central:
            raise Refusal(Code(f"rule.{broken[0]}"))

    def _keep_worst(self, rule: str, verdict: Verdict) -> None:
        if _SEVERITY[verdict] >= _SEVERITY[self.verdicts.get(rule, "pass")]:
            self.verdicts[rule] = verdict


class ChainGuard:
    """The rules on the questions and draws of one chain. Each chain draws for itself: its counts are its own, the rules are the job's."""

    def __init__(self, guard: Guard, max_draws: int) -> None:
        """`max_draws`: of one target, which is the number of the chain's sweeps."""
        self._guard = guard
        self._policy = guard.policy
        self._max_draws = max_draws
        self._n_evaluations: Counter[int] = Counter()
        self._n_draws: Counter[int] = Counter()
        self._fitted: set[int] = set()

    def count_evaluation(self, target: int) -> None:
        """Count a question at a β; refuse it unasked when there were too many."""
        self._n_evaluations[target] += 1
        if self._n_evaluations[target] > self._policy.max_evaluations_per_fit:
            self._guard.judge(("evaluations",), (Breach("evaluations"),))

    def check_question(self, target: int, n_rows: int, max_abs_eta: float, weight_sum: float) -> None:
        """Rule 5, on the evidence found while the answer was computed. A target that is never observed has no rows to protect."""
        if n_rows:
            question = Question(max_abs_eta, weight_sum, self._n_evaluations[target])
            self._guard.judge(QUESTION_RULES, check_question(question, self._policy))

    def check_selection(
        self, target: int, counts: tuple[int, int], n_coefficients: int, reach: float, correlation: float, weight_sum: float
    ) -> None:
        """Rule 5 for a selection model. `counts` are the rows with the target observed and those with it missing."""
        if sum(counts):
            question = SelectionQuestion(reach, correlation, weight_sum, *counts, self._n_evaluations[target])
            limit = difference_limit(n_coefficients, self._policy)
            self._guard.judge(SELECTION_RULES, check_selection(question, limit, self._policy))

    def mark_fitted(self, target: int) -> None:
        """A question about the target was answered: one draw may follow."""
        self._fitted.add(target)

    def check_draw(self, target: int, max_abs_eta: float, sigma: float | None, correlation: float = 0.0) -> None:
        """Rule 6, before anything is filled. A draw that passes uses up the fit."""
        evidence = Draw(max_abs_eta, sigma, target in self._fitted, self._n_draws[target] + 1, self._max_draws, correlation)
        self._guard.judge(DRAW_RULES, check_draw(evidence, self._policy))
        self._n_draws[target] += 1
        self._n_evaluations[target] = self._n_evaluations[NO_TARGET] = 0
        self._fitted.discard(target)

    def next_draw(self, target: int) -> int:
        """The number of the target's next draw, from 1."""
        return self._n_draws[target] + 1
