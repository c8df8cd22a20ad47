"""Whether what code that sees rows answered is an aggregate: pure functions of what it gave on all rows and on micro-blocks.

Knows nothing of workers, of files or of how rows are split. Every function answers with breaches of rules
(`policies.disclosure.Breach`), whose numbers stay at the site.
"""

from sandbox.gate.verification.additivity import check_additive, check_counts, check_memory
from sandbox.gate.verification.change import check_difference
from sandbox.gate.verification.coarse import coarse_step, exact_step
from sandbox.gate.verification.dominance import check_dominance
from sandbox.gate.verification.estimate import NoRootError, Sums, find_root
from sandbox.gate.verification.fills import check_fills, round_fills
from sandbox.gate.verification.innovation import SumBudget, check_message_size
from sandbox.gate.verification.lattice import check_lattice
from sandbox.gate.verification.leverage import check_leverage
from sandbox.gate.verification.pairs import Pairs
from sandbox.gate.verification.request import check_request
from sandbox.gate.verification.values import check_values, sorted_cells
from sandbox.gate.verification.verifier import SUM_RULES, Verifier

__all__ = [
    "SUM_RULES",
    "NoRootError",
    "Pairs",
    "SumBudget",
    "Sums",
    "Verifier",
    "check_additive",
    "check_counts",
    "check_difference",
    "check_dominance",
    "check_fills",
    "check_lattice",
    "check_leverage",
    "check_memory",
    "check_message_size",
    "check_request",
    "check_values",
    "coarse_step",
    "exact_step",
    "find_root",
    "round_fills",
    "sorted_cells",
]
