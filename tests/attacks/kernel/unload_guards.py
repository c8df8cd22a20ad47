"""Changes the modules of its process that hold the lockdown, hoping that it is kept by them."""

import ctypes
import sys


def run(data, params):
    for name in [name for name in sys.modules if name.startswith("sandbox.lockdown")]:
        sys.modules.pop(name)
    libc = ctypes.CDLL(None)
    # Reached means: the filter went with the module.
    return libc.socket(2, 1, 0) >= 0
