"""Duplicates its channel, to hide behind another number."""

import os


def run(data, params):
    return os.dup(1 if params["is_control"] else 3)
