"""Lists a folder."""

import os


def run(data, params):
    return os.listdir(params["folder"])
