"""Changes its root folder, to get out of another one."""

import os


def run(data, params):
    os.chroot("/")
    return True
