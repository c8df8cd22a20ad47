"""Runs a command with subprocess."""

import subprocess


def run(data, params):
    return subprocess.run(["/bin/echo", "out"], capture_output=True).stdout
