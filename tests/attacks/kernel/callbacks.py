"""Makes native callbacks (libffi closures), which need executable memory."""

import ctypes


def run(data, params):
    made = [ctypes.CFUNCTYPE(ctypes.c_int)(int) for _ in range(4096 if not params["is_control"] else 1)]
    return made[-1]() == 0
