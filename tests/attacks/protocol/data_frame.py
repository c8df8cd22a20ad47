"""Answers with a piece of a stream instead of a message."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"rows", 2))
