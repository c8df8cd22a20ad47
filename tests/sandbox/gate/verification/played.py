"""A site whose code sees rows, played: the code on all rows and on micro-blocks of a secret split, as the gate runs it in two workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from policies import Policy, built_in
from policies.disclosure import Breach
from sandbox.gate.verification import Verifier, check_lattice, check_values, sorted_cells

Values = npt.NDArray[np.float64]
Code = Callable[[Values], Values]
"""Rows, shape (n, p), to numbers, shape (q,)."""
DEFAULT = built_in("default")
MAX_BLOCKS = 512


@dataclass(frozen=True)
class Answer:
    """What both workers answered."""

    whole: Values
    blocks: Values


class Site:
    """Rows and their two secret orders."""

    def __init__(self, rows: Values, seed: int = 0) -> None:
        self.rows = rows
        self.random = np.random.default_rng([seed, 7])
        n = len(rows)
        self.production, self.verification = self.random.permutation(n), self.random.permutation(n)
        n_blocks = min(n, MAX_BLOCKS)
        small, n_larger = divmod(n, n_blocks)
        self.sizes = np.array([small + 1.0] * n_larger + [float(small)] * (n_blocks - n_larger))
        self._starts = np.concatenate([[0], np.cumsum(self.sizes).astype(int)])

    def run(self, code: Code) -> Answer:
        """Production runs the code on all rows, then verification on each block."""
        whole = code(self.rows[self.production])
        rows = self.rows[self.verification]
        blocks = [code(rows[start:stop]) for start, stop in zip(self._starts[:-1], self._starts[1:], strict=True)]
        return Answer(np.asarray(whole, np.float64), np.array(blocks, np.float64))

    def verifier(self, policy: Policy = DEFAULT, *, is_reviewed: bool = True, limit: int = 10) -> Verifier:
        return Verifier(self.sizes, policy, limit, self.random, is_reviewed=is_reviewed)

    def judge(self, codes: Iterable[Code], policy: Policy = DEFAULT) -> list[Breach]:
        """What the rules find when a job asks the codes in turn, up to the first that may not leave. A lattice is a notice."""
        verifier, cells = self.verifier(policy), sorted_cells(self.rows.T)
        for code in codes:
            answer = self.run(code)
            found = verifier.check("step", answer.whole, answer.blocks)
            found += check_values(answer.whole, cells) if not found else []
            if found:
                return found
            verifier.accept("step", answer.blocks)
        return check_lattice(answer.blocks, self.sizes, policy, self.random)

    def rules(self, *codes: Code, policy: Policy = DEFAULT) -> set[str]:
        """The rules that are broken."""
        return {breach.rule for breach in self.judge(codes, policy)}


def normal_site(n: int, p: int = 5, seed: int = 0) -> Site:
    """Independent standard normal columns."""
    return Site(np.random.default_rng([seed, n]).normal(size=(n, p)), seed)


def moments(rows: Values) -> Values:
    """X'X with an intercept of all but the last column, X'y and y'y with the last one; rows with y missing (NaN) left out."""
    observed = rows[~np.isnan(rows[:, -1])]
    X, y = np.column_stack([np.ones(len(observed)), observed[:, :-1]]), observed[:, -1]
    return np.concatenate([(X.T @ X).ravel(), X.T @ y, [y @ y]])
