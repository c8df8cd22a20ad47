"""Signals by making a folder."""

import os


def run(data, params):
    path = os.path.join(params["folder"], "folder")
    os.mkdir(path)
    os.rmdir(path)
    return True
