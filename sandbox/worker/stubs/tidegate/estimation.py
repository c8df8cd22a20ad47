"""Fits from aggregates and draws from their posteriors: see `sandbox.worker.estimation`."""

from sandbox.worker.estimation import FitError, LinearFit, LogisticFit, least_squares, logistic

__all__ = ["FitError", "LinearFit", "LogisticFit", "least_squares", "logistic"]
