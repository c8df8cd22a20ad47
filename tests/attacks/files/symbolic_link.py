"""Plants a link to a secret for somebody else to follow."""

import os


def run(data, params):
    path = os.path.join(params["folder"], "planted")
    os.symlink("/etc/shadow", path)
    os.unlink(path)
    return True
