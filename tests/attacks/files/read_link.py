"""Finds out where links of /proc point (Landlock does not cover this)."""

import os


def run(data, params):
    return os.readlink("/proc/self/cwd")
