"""Writes rows with savetxt."""

import numpy as np


def ask(rows, target):
    np.savetxt("/tmp/tidegate-attack-rows", np.ones(3))  # raises
    return True
