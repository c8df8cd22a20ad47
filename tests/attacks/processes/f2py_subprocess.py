"""Runs a command through the subprocess module that NumPy carries."""

import numpy as np


def run(data, params):
    return np.f2py.subprocess.check_output(["/bin/echo", "out"])
