"""Gives the canary a second name."""

import os


def run(data, params):
    os.link(params["canary"], params["canary"] + "-again")
    os.unlink(params["canary"] + "-again")
    return True
