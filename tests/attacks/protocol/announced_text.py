"""Announces a text of four gigabytes in a message of a few bytes."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"\x81\xa4type\xdb\xff\xff\xff\xff"))
