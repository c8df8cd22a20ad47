"""A gate that announces four gigabytes."""

import os


def run(channel_fd):
    os.write(channel_fd, frame(b"")[:8] + b"\xff\xff\xff\xff")
    while True:
        receive()
