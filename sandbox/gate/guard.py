"""The guard of questions: what may be asked of the rows, when, and how often. Holds counters, never a row.

The rules themselves are pure functions in `policies.disclosure`; this module keeps the evidence that is spread over a job (refusals; of
code that sees rows questions since the last fill and fills so far) and turns a breach into a refusal, or on central's own rows a notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from policies import Policy
from policies.disclosure import Breach, Fit, check_evaluations, check_fit, check_rows, check_schedule, check_starts, check_units
from sandbox.errors import Code, TidegateError

Verdict = Literal["pass", "notice", "refuse"]
_SEVERITY: Final[dict[Verdict, int]] = {"pass": 0, "notice": 1, "refuse": 2}
FIT_RULES: Final = ("min_rows", "parameter_ratio")
NO_TARGET: Final = 0
"""In place of a target's index (1-based): a question that names none. Any fill ends its fit."""


class Refusal(TidegateError):
    """A question that is not answered. `line` is the line of the pair that raised, when one did.

    `outward` is the code that leaves: another one where the code that saw the rows had a choice among reasons, which would be an answer.
    `of_card` names the site whose card cannot answer, at central.
    """

    def __init__(self, code: Code, line: int = 0, outward: Code | None = None, of_card: str = "") -> None:
        super().__init__(code)
        self.of_card = of_card
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

    def check_units(self, fits: Iterable[Fit], max_abs_start: float) -> None:
        """Rule 6a on the units of every column in the model, and on the start values of missing cells, standardised."""
        breaches = [breach for fit in fits for breach in check_units(fit)]
        self.judge(("units",), [*breaches, *check_starts(max_abs_start, self.policy)])

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
    """The rules on the questions and fills of code that sees rows, which runs in one chain."""

    def __init__(self, guard: Guard, max_fills: int) -> None:
        """`max_fills`: of one target, which is the number of the chain's sweeps."""
        self._guard = guard
        self._max_fills = max_fills
        self._n_evaluations: Counter[int] = Counter()
        self._n_fills: Counter[int] = Counter()
        self._fitted: set[int] = set()

    def count_evaluation(self, target: int) -> None:
        """Count a question that central can vary; refuse it unasked when there were too many."""
        self._n_evaluations[target] += 1
        self._guard.judge(("evaluations",), check_evaluations(self._n_evaluations[target], self._guard.policy))

    def mark_fitted(self, target: int) -> None:
        """A question about the target was answered: one fill may follow."""
        self._fitted.add(target)

    def check_fill(self, target: int) -> None:
        """Rule 6, before anything is filled. A fill that passes uses up the fit."""
        is_fitted, n_fills = target in self._fitted, self._n_fills[target] + 1
        self._guard.judge(("draw_schedule",), check_schedule(n_fills, self._max_fills, is_fitted=is_fitted))
        self._n_fills[target] += 1
        self._n_evaluations[target] = self._n_evaluations[NO_TARGET] = 0
        self._fitted.discard(target)

    def next_fill(self, target: int) -> int:
        """The number of the target's next fill, from 1."""
        return self._n_fills[target] + 1
