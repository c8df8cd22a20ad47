"""Removes a file."""

import os


def run(data, params):
    path = os.path.join(params["folder"], "socket" if not params["is_control"] else "mine")
    if params["is_control"]:
        open(path, "w").close()
    os.unlink(path)
    return True
