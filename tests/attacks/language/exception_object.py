"""Takes the object that an AttributeError carries (CVE-2024-47532)."""

import numpy as np


def ask(rows, target):
    try:
        return np.nothing
    except AttributeError as error:
        return error.obj  # refused
