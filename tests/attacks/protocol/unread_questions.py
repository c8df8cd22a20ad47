"""Never reads a question and fills the channel from its side, for a gate that writes and waits while its own end is full."""

import os


def run(channel_fd):
    while True:
        os.write(channel_fd, frame(b"x" * 60_000, 2))
