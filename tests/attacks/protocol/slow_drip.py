"""Answers byte by byte, so that something always comes and it never ends."""

import os


def run(channel_fd):
    receive()
    for byte in frame(b"x" * (1 << 20)):
        os.write(channel_fd, bytes([byte]))
        for _ in range(1_000_000):
            pass
