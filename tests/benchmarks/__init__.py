"""Benchmarks: ratios measured in one run against a stated baseline. ``python -m tests.benchmarks [NAME …] [--json]``, `make bench`."""
