"""Pins itself to a processor, for a side channel."""

import os


def run(data, params):
    os.sched_setaffinity(0, {0})
    return True
