"""Becomes another program, which leaves a file; the control tells by a child."""

import os


def run(data, params):
    if params["is_control"]:
        pid = os.fork()
        if pid == 0:
            os.execv("/bin/true", ["true"])
        return os.waitpid(pid, 0)[1] == 0
    os.execv("/bin/sh", ["sh", "-c", f"echo x > {params['folder']}/executed"])
