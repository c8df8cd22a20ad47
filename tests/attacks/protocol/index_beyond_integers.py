"""Fills a field with a kernel number that no 64 bits hold as a signed one, or with a fraction."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"\x82\xa4type\xa8StepDone\xa6fields\x81\xa7moments\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"))
