"""Stops itself, so that it never answers and never ends."""

import signal


def run(data, params):
    if params["is_control"]:
        signal.raise_signal(signal.SIGCONT)
        return True
    signal.raise_signal(signal.SIGSTOP)
