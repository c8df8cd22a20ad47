"""Opens descriptors until there are none left for others."""

import os


def run(data, params):
    opened = [os.dup(1) for _ in range(params["n"])]
    for descriptor in opened:
        os.close(descriptor)
    return len(opened)
