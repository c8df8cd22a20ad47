"""Empties the canary by path; restores it where that worked."""

import os


def run(data, params):
    os.truncate(params["canary"], 0)
    with open(params["canary"], "w") as file:
        file.write("the canary sings")
    return True
