"""Fails at a line with the largest number there is."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"\x82\xa4type\xaaStepFailed\xa4line\xcf" + b"\xff" * 8))
    receive()
