"""What pairs import as `tidegate`, for editors, type checkers and unit tests of pairs.

Put `sandbox/worker/stubs` on the path. In a worker this package does not exist: there the names resolve to read-only facades
(`sandbox.worker.facades`), and the names for annotations are dropped with them.
"""

from sandbox.errors import Refused
from sandbox.estimation.aggregates import Estimate, Gradient, Gram, Score, SelectionScore, SiteFit
from sandbox.worker import estimation
from sandbox.worker.block import Block
from sandbox.worker.job import Job, Target
from sandbox.worker.rows import Rows
from sandbox.worker.sites import Sites

__all__ = [
    "Block",
    "Estimate",
    "Gradient",
    "Gram",
    "Job",
    "Refused",
    "Rows",
    "Score",
    "SelectionScore",
    "SiteFit",
    "Sites",
    "Target",
    "estimation",
]
