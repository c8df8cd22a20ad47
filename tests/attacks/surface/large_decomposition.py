"""Keeps LAPACK busy, in which no signal handler runs."""

import numpy as np


def ask(rows, target):
    big = np.eye(1200) + 1.0
    while True:
        np.linalg.svd(big)
