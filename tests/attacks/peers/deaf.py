"""A gate that reads nothing of an upload, so that its host cannot write on."""

import time


def run(channel_fd):
    while True:
        pass
