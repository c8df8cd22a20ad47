"""Reaches subprocess through NumPy's Fortran compiler."""

import numpy as np


def ask(rows, target):
    return np.f2py.subprocess.check_output(["/bin/echo", "out"])  # raises
