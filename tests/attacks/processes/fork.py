"""Forks, again and again."""

import os


def run(data, params):
    for _ in range(params["n"]):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return True
