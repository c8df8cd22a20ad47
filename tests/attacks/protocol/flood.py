"""Answers with frames without end."""

import os


def run(channel_fd):
    receive()
    while True:
        os.write(channel_fd, frame(b"", 3) * 4096)
