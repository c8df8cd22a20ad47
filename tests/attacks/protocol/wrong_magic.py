"""Answers with a frame of another protocol."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, b"HT" + frame(b"x")[2:])
