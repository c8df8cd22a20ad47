"""Makes an array of texts, a form in which rows could be told."""

import numpy as np


def ask(rows, target):
    return np.array(["a row", "another"])  # raises
