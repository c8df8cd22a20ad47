"""Hands SciPy a raw function pointer."""

from scipy import LowLevelCallable  # refused


def ask(rows, target):
    return LowLevelCallable.from_cython(ask, "x")  # refused
