"""Runs a shell command with os.system."""

import os


def run(data, params):
    return os.system("exit 3") == 3 << 8
