"""Fits from aggregates and draws from their posteriors: see `sandbox.estimation`."""

from sandbox.worker.estimation import *  # noqa: F403 - what a worker offers is listed once, there
from sandbox.worker.estimation import __all__ as __all__
