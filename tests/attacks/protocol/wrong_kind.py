"""Answers with a kind of frame that is not there."""

import os


def run(channel_fd):
    receive()
    answer = bytearray(frame(b"x"))
    answer[3] = 0
    os.write(channel_fd, answer)
