"""Stops in the middle of a frame and leaves."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"x" * 1000)[:500])
