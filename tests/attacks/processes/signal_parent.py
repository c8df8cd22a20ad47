"""Asks whether it may signal its parent (signal 0 does no harm)."""

import os


def run(data, params):
    os.kill(os.getppid() if params["is_control"] else params["host"], 0)
    return True
