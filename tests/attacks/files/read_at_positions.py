"""Reads from any descriptor that may be open, at a position (pread64), without moving it."""

import os


def run(data, params):
    if params["is_control"]:
        os.open(params["canary"], os.O_RDONLY)
    error = None
    for descriptor in range(3, 64):
        try:
            found = os.pread(descriptor, 64, 0)
        except OSError as failed:
            error = error or failed
        else:
            if found:
                return found
    if error is not None:
        raise error
