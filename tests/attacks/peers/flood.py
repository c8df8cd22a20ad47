"""A gate that floods its host with frames, so that nobody else is served."""

import os


def run(channel_fd):
    while receive().kind != 3:
        pass
    while True:
        os.write(channel_fd, frame(b"x" * 1000, 2) * 64)
