"""Ends another process of its user."""

import os
import signal


def run(data, params):
    os.kill(params["victim"], signal.SIGKILL)
    return True
