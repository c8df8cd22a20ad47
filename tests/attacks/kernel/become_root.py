"""Takes another user (setuid)."""

import os


def run(data, params):
    os.setuid(0)
    return os.getuid() == 0
