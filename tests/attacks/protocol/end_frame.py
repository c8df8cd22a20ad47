"""Answers with the end of a stream."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"", 3))
