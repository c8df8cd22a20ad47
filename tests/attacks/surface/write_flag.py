"""Makes a read-only array writable."""

import numpy as np


def ask(rows, target):
    frozen = np.ones(2)
    frozen.setflags(write=True)  # refused
    frozen.flags.writeable = True  # refused
    return frozen
