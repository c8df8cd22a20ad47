"""Has NumPy read a text file."""

import numpy as np


def run(data, params):
    return str(np.genfromtxt(params["canary"], dtype=str, delimiter="\n"))
