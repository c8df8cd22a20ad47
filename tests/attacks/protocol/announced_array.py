"""Announces an array of four billion elements in a message of a few bytes."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"\x82\xa4type\xa8StepDone\xa5calls\xdd\xff\xff\xff\xff"))
