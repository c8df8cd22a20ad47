"""Announces four gigabytes."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"")[:8] + b"\xff\xff\xff\xff")
