"""Reads the command lines of all processes."""

import glob
import os


def run(data, params):
    os.listdir("/proc")
    return [open(path).read(32) for path in glob.glob("/proc/[0-9]*/cmdline")[:8]]
