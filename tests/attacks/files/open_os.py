"""Reads the canary with os.open and os.read."""

import os


def run(data, params):
    descriptor = os.open(params["canary"], os.O_RDONLY)
    return os.read(descriptor, 64)
