"""Opens a pseudo-terminal, to put words into somebody's mouth."""

import os


def run(data, params):
    return os.openpty()
