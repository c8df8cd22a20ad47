"""Runs a text as code through NumPy's helpers for tests."""

import numpy as np


def ask(rows, target):
    space = {}
    np.testing.runstring("import os; found = os.listdir('/')", space)  # raises
    return space["found"]
