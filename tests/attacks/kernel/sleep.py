"""Sleeps: a channel through the time a step takes that costs it nothing."""

import time


def run(data, params):
    time.sleep(0.001)
    return True
