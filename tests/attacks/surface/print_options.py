"""Sets a formatter that NumPy calls whenever anybody prints an array."""

import numpy as np


def ask(rows, target):
    np.set_printoptions(formatter={"float": max})  # raises
    return None
