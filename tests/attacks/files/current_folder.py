"""Asks where it is."""

import os


def run(data, params):
    return os.getcwd()
