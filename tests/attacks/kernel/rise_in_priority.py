"""Takes the machine for itself (setpriority)."""

import os


def run(data, params):
    if params["is_control"]:
        pid = os.fork()
        if pid == 0:
            try:
                os.setpriority(os.PRIO_PROCESS, 0, -5)
            except OSError:
                os._exit(1)
            os._exit(0)
        return os.waitpid(pid, 0)[1] == 0
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    return True
