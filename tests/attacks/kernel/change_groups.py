"""Takes the groups of others."""

import os


def run(data, params):
    os.setgroups([0, 1, 2])
    return True
