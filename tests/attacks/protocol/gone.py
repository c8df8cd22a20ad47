"""Leaves when it is asked."""


def run(channel_fd):
    receive()
