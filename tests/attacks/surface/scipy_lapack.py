"""Calls LAPACK directly, with sizes that do not fit the arrays."""

from scipy import linalg


def ask(rows, target):
    return linalg.lapack.dgetrf([[1.0]], overwrite_a=1)  # raises
