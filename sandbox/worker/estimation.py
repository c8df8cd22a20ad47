"""What pairs import as `tidegate.estimation`: fits from aggregates. The mathematics is in `sandbox.estimation`, which gates share."""

from sandbox.estimation.aggregates import Gram, Score, SiteFit
from sandbox.estimation.averages import average_least_squares, average_logistic
from sandbox.estimation.cholesky import FitError
from sandbox.estimation.fits import LinearFit, LogisticFit, SelectionFit
from sandbox.estimation.linear import least_squares
from sandbox.estimation.logistic import logistic
from sandbox.estimation.selection import selection
from sandbox.estimation.surrogate import surrogate_least_squares, surrogate_logistic

__all__ = [
    "FitError",
    "Gram",
    "LinearFit",
    "LogisticFit",
    "Score",
    "SelectionFit",
    "SiteFit",
    "average_least_squares",
    "average_logistic",
    "least_squares",
    "logistic",
    "selection",
    "surrogate_least_squares",
    "surrogate_logistic",
]
