"""Leaves a message in a new file."""

import os


def run(data, params):
    path = os.path.join(params["folder"], "left-behind")
    with open(path, "w") as file:
        file.write(str(data.sum()))
    os.unlink(path)
    return True
