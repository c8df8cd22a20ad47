"""Unpickles with numpy.load."""

import numpy as np


def ask(rows, target):
    return np.load("/tmp/x.npy", allow_pickle=True)  # raises
