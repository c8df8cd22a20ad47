"""Changes the mode of a file of its own user (Landlock does not cover this)."""

import os


def run(data, params):
    path = params["canary"]
    if params["is_control"]:
        path = os.path.join(params["folder"], "mine")
        open(path, "w").close()
    os.chmod(path, 0o600)
    if params["is_control"]:
        os.unlink(path)
    return True
