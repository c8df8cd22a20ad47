"""A gate that sends bytes which are no frame."""

import os


def run(channel_fd):
    os.write(channel_fd, b"\x00\xff" * 64)
    while True:
        receive()
