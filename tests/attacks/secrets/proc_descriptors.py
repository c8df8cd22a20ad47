"""Lists the descriptors of its parent, to open them again."""

import os


def run(data, params):
    return os.listdir(f"/proc/{os.getppid()}/fd")
