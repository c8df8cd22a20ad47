"""Gets hold of another process (pidfd_open), to signal it or to take its descriptors."""

import os


def run(data, params):
    return os.pidfd_open(params["victim"])
