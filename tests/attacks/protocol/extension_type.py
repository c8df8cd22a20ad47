"""Answers with an extension type of MessagePack, which some readers hand to code."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"\x82\xa4type\xa8StepDone\xa5calls\xc7\x04\x2a\x00\x00\x00\x00"))
