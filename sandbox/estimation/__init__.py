"""Fits from aggregates and draws from their posteriors. Pure; no rows, no I/O. Gate and worker share it."""
