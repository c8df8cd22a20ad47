"""Moves the canary away and back."""

import os


def run(data, params):
    os.rename(params["canary"], params["canary"] + "-moved")
    os.rename(params["canary"] + "-moved", params["canary"])
    return True
