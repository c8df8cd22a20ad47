"""Answers with bytes that are no frame."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, b"\x00\xff" * 64)
