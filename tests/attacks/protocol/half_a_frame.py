"""Stops in the middle of a frame and waits."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"x" * 1000)[:500])
    while True:
        receive()
