"""Lists extended attributes of the canary (Landlock does not cover this)."""

import os


def run(data, params):
    os.listxattr(params["canary"])
    return True
