"""Aborts, hoping for a core file that holds the memory. Without the call that raises signals, libc ends the process otherwise."""

import os


def run(data, params):
    if params["is_control"]:
        pid = os.fork()
        if pid:
            return os.waitpid(pid, 0)[1] & 0x7F == 6
    os.abort()
