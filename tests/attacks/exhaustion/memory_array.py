"""Takes memory in one piece."""

import numpy as np


def run(data, params):
    return np.ones(params["mib"] << 17).size
