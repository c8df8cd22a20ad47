"""A gate that reports byte by byte."""

import os


def run(channel_fd):
    for byte in frame(b"x" * (1 << 20)):
        os.write(channel_fd, bytes([byte]))
        for _ in range(1_000_000):
            pass
